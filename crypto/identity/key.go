package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Errors of KeyFromBytes and ParseKey.
var (
	ErrKeyLength   = errors.New("a public key is 32 bytes, 64 hex digits in lower case")
	ErrKeyEncoding = errors.New("public key is not canonically encoded")
	ErrSmallOrder  = errors.New("public key is of small order: anyone can sign for it")
)

// Key is an Ed25519 public key that passed the checks of KeyFromBytes. It is comparable and can be
// the key of a map. The zero Key stands for "no key"; it is never valid.
type Key struct{ b [ed25519.PublicKeySize]byte }

// The y coordinates (little-endian, sign bit clear) of the points of order 1, 2, 4 and 8.
var smallOrder = decodeAll(
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)

func decodeAll(texts ...string) (keys [][ed25519.PublicKeySize]byte) {
	for _, t := range texts {
		raw, err := hex.DecodeString(t)
		if err != nil {
			panic(err) // an error of the program
		}
		keys = append(keys, [ed25519.PublicKeySize]byte(raw))
	}
	return keys
}

// KeyFromBytes checks a raw public key. Go's crypto/ed25519 and crypto/tls accept small-order keys,
// under which anyone can make a signature that verifies. They also accept second encodings of a
// point, so that a person could be two peers. KeyFromBytes refuses both, and every Key comes from
// it.
func KeyFromBytes(raw []byte) (Key, error) {
	var k Key
	if len(raw) != len(k.b) {
		return Key{}, ErrKeyLength
	}
	copy(k.b[:], raw)
	y := k.b
	y[31] &= 0x7f
	// p = 2²⁵⁵ − 19: y ≥ p only if all but the lowest byte are at their maximum.
	if y[31] == 0x7f && y[0] >= 0xed && bytes.Count(y[1:31], []byte{0xff}) == 30 {
		return Key{}, ErrKeyEncoding
	}
	if slices.Contains(smallOrder, y) {
		return Key{}, ErrSmallOrder
	}
	return k, nil
}

// ParseKey accepts exactly what String returns. It refuses upper-case digits: a key has one text.
func ParseKey(text string) (Key, error) { return parseKey(text) }

func parseKey[T string | []byte](text T) (Key, error) {
	var digits [2 * ed25519.PublicKeySize]byte
	var raw [ed25519.PublicKeySize]byte
	n := copy(digits[:], text)
	if _, err := hex.Decode(raw[:], digits[:]); err != nil || n != len(text) || bytes.ContainsAny(digits[:], "ABCDEF") {
		return Key{}, fmt.Errorf("%w, not %.80q", ErrKeyLength, text)
	}
	return KeyFromBytes(raw[:])
}

// String returns the key as 64 lower-case hex digits; "" for the zero Key.
func (k Key) String() string {
	if k.IsZero() {
		return ""
	}
	return hex.EncodeToString(k.b[:])
}

// Short returns the key's first four hex digits, as in bob·91c0.
func (k Key) Short() string { return hex.EncodeToString(k.b[:2]) }

// Bytes returns a copy of the raw 32 bytes.
func (k Key) Bytes() []byte { return bytes.Clone(k.b[:]) }

// First returns the first byte.
func (k Key) First() byte { return k.b[0] }

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k == Key{} }

// Compare orders keys by their bytes.
func (k Key) Compare(other Key) int { return bytes.Compare(k.b[:], other.b[:]) }

// MarshalText returns what String returns.
func (k Key) MarshalText() ([]byte, error) { return k.AppendText(nil) }

// AppendText appends what String returns to b.
func (k Key) AppendText(b []byte) ([]byte, error) {
	if k.IsZero() {
		return b, nil
	}
	return hex.AppendEncode(b, k.b[:]), nil
}

// UnmarshalText accepts what ParseKey accepts; the empty text is the zero Key.
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = Key{}
		return nil
	}
	parsed, err := parseKey(text)
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}

// ID returns the seed protocol's id of this key: a UUIDv8 (RFC 9562 §5.8) made from SHA-256 of the
// key, so that a native peer has the same id at every start.
func (k Key) ID() uuid.UUID {
	sum := sha256.Sum256(k.b[:])
	var id uuid.UUID
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
