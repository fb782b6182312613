package vote

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// ID is a proposal's record id: 32 bytes, 64 hex digits in lower case as text. It is the hash of
// what the author signed, so nobody can squat on one. The zero ID stands for "none".
type ID [32]byte

// errID is what ParseID says of everything else.
var errID = errors.New("an id is 64 hex digits in lower case")

// ParseID reads the form that String writes, and no other.
func ParseID(text string) (ID, error) {
	var id ID
	err := id.UnmarshalText([]byte(text))
	return id, err
}

// String is the id in lower-case hex.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// IsZero reports whether i is the zero ID.
func (i ID) IsZero() bool { return i == ID{} }

// Compare orders ids by their bytes.
func (i ID) Compare(other ID) int { return bytes.Compare(i[:], other[:]) }

// MarshalText writes String's form.
func (i ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (i *ID) UnmarshalText(text []byte) error {
	var out ID
	if len(text) != hex.EncodedLen(len(out)) {
		return errID
	}
	if _, err := hex.Decode(out[:], text); err != nil {
		return errID
	}
	if !bytes.Equal(hex.AppendEncode(nil, out[:]), text) {
		return errID
	}
	*i = out
	return nil
}
