package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"chat.lan/p2pchat/crypto/record"
)

// Limits of the key-value area, in bytes: of a name and key together, and of a value.
const (
	maxValueKey  = 1 << 10
	maxValueSize = 1 << 20
)

func checkValueSize(name string, key, value []byte) error {
	if len(name) > 255 || len(name)+len(key) > maxValueKey || len(value) > maxValueSize {
		return fmt.Errorf("%w: %d bytes under %q", ErrTooBig, len(value), name)
	}
	return nil
}

// checkEntry refuses records that no room accepts.
func checkEntry(room record.RoomID, e *Entry) error {
	if e.Record.Body().Room != room {
		return record.ErrOtherRoom
	}
	if e.Record.Feed() == 0 {
		return fmt.Errorf("%w: a %s record stands outside any feed", record.ErrOtherRoom, e.Record.Kind())
	}
	return nil
}

// valueKey returns the key of a value in its bucket.
func valueKey(name string, key []byte) []byte {
	return append(append([]byte{byte(len(name))}, name...), key...)
}

// encodeValue numbers values, so that recovery finds the latest value of a key.
func encodeValue(at []byte, number uint64, value []byte) []byte {
	v := binary.BigEndian.AppendUint64(beginEncoded(tagValue, 8+len(value)), number)
	return addChecksum(at, append(v, value...))
}

func decodeValue(at, value []byte) (number uint64, data []byte, ok bool) {
	v, ok := verifyChecksum(tagValue, at, value)
	if !ok || len(v) < 8 || len(at) == 0 || len(at) < 1+int(at[0]) {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(v), bytes.Clone(v[8:]), true
}

func sortedValues(values map[string][]byte) []KeyValue {
	var out []KeyValue
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, KeyValue{[]byte(key), bytes.Clone(values[key])})
	}
	return out
}
