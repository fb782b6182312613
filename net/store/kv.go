package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

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

// ListValues implements Store.
func (d *Disk) ListValues(ctx context.Context, name string) ([]KeyValue, error) {
	d.mu.Lock()
	waiting := append(append([]op(nil), d.flushing.ops...), d.pending.ops...)
	d.mu.Unlock()
	prefix := valueKey(name, nil)
	found := map[string][]byte{}
	err := d.view(func(tx *bolt.Tx) error {
		found = map[string][]byte{}
		values := tx.Bucket(bucketValues)
		if values == nil {
			return damaged("no bucket for the values")
		}
		c := values.Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			_, data, ok := decodeValue(k, v)
			if !ok {
				return damaged("a value under %q", name)
			}
			found[string(k[len(prefix):])] = data
		}
		return nil
	})
	for _, o := range waiting {
		switch {
		case o.name != name:
		case o.kind == opPut:
			found[o.key] = []byte(o.value)
		case o.kind == opDelete:
			delete(found, o.key)
		}
	}
	if err != nil {
		return nil, err
	}
	return sortedValues(found), ctx.Err()
}

// SignedRecord is a record as it lies in a small value: its signed bytes, and the signature.
type SignedRecord struct {
	Body string `json:"body"`
	Sig  []byte `json:"sig"`
}

// SignedRecordOf returns the stored form of a record.
func SignedRecordOf(r *record.Record) SignedRecord { return SignedRecord{r.Signed(), r.Signature()} }

// Verify parses the record and checks its signature.
func (s SignedRecord) Verify() (*record.Record, error) {
	claim, err := record.Parse(s.Body, s.Sig)
	if err != nil {
		return nil, err
	}
	return claim.Verify()
}

// EncodeRecord returns a record as a small value.
func EncodeRecord(r *record.Record) ([]byte, error) { return json.Marshal(SignedRecordOf(r)) }

// DecodeRecord reads what EncodeRecord wrote, and verifies it.
func DecodeRecord(value []byte) (*record.Record, error) {
	var s SignedRecord
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, err
	}
	return s.Verify()
}
