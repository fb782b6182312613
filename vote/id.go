package vote

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// ID is a proposal's record id: 32 bytes, as text 64 hex digits in lower case. It is the hash of
// what the author signed, so it can't be claimed in advance. The zero ID stands for "none".
type ID [32]byte

// errID is the error for every text that isn't an id.
var errID = errors.New("an id is 64 hex digits in lower case")

// ParseID accepts exactly what String returns.
func ParseID(text string) (ID, error) {
	var id ID
	err := id.UnmarshalText([]byte(text))
	return id, err
}

// String returns the id in lower-case hex.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// IsZero reports whether i is the zero ID.
func (i ID) IsZero() bool { return i == ID{} }

// Compare orders ids by their bytes.
func (i ID) Compare(other ID) int { return bytes.Compare(i[:], other[:]) }

// MarshalText returns what String returns.
func (i ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

// UnmarshalText accepts exactly what MarshalText returns.
func (i *ID) UnmarshalText(text []byte) error {
	var out ID
	if len(text) != hex.EncodedLen(len(out)) {
		return errID
	}
	if _, err := hex.Decode(out[:], text); err != nil || !bytes.Equal(hex.AppendEncode(nil, out[:]), text) {
		return errID
	}
	*i = out
	return nil
}
