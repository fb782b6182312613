package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// Limits of rules 1, 2 and 10, in bytes.
const (
	Version = 1
	MaxBody = 32 << 10 // a whole body
	MaxText = 8 << 10  // the text of one line
	MaxName = 64       // a name
	maxInt  = 1<<53 - 1
	maxKind = 32
)

// Errors of Sign and Parse.
var (
	ErrTooLong      = errors.New("record is over its size limit")
	ErrMalformed    = errors.New("record is malformed")
	ErrNotCanonical = errors.New("record is not in canonical form")
	ErrText         = errors.New("text has control characters or is not UTF-8")
)

// Body holds the fields of a record. Their order is the order of the keys in the signed bytes.
type Body struct {
	V      int             `json:"v"`
	Room   RoomID          `json:"room"`
	Author identity.Key    `json:"author"`
	Feed   Feed            `json:"feed"`
	Seq    uint64          `json:"seq"`
	Prev   ID              `json:"prev"`
	Time   Time            `json:"time"`
	Kind   Kind            `json:"kind"`
	Data   json.RawMessage `json:"data"`
}

// decode reads a body strictly; content is the text or name of a known kind. encoding/json alone
// accepts duplicate keys and keys of any case, so that one text could be two statements. Comparing
// with the canonical form excludes both, and unknown keys and white space too.
func decode(body string) (b Body, content string, err error) {
	if !utf8.ValidString(body) {
		return Body{}, "", fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	if b, ok := scan(body); ok {
		if content, err := b.confirm(body); err == nil {
			return b, content, nil
		}
	}
	if err := json.Unmarshal([]byte(body), &b); err != nil {
		return Body{}, "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if content, err = b.confirm(body); err != nil {
		return Body{}, "", err
	}
	return b, content, nil
}

// confirm checks a body that was read, and that the text is its canonical form.
func (b *Body) confirm(body string) (content string, err error) {
	if content, err = b.check(); err != nil {
		return "", err
	}
	var room [1 << 10]byte // most bodies fit; append takes more from the heap
	again, err := appendBody(room[:0], b)
	if err != nil {
		return "", err
	}
	if string(again) != body {
		return "", ErrNotCanonical
	}
	return content, nil
}

// check checks the rules that don't depend on the encoding, and returns the text or name of a known
// kind.
func (b *Body) check() (content string, err error) {
	switch {
	case b.V != Version:
		return "", fmt.Errorf("%w: version %d", ErrMalformed, b.V)
	case b.Author.IsZero():
		return "", fmt.Errorf("%w: no author", ErrMalformed)
	case b.Seq > maxInt:
		return "", fmt.Errorf("%w: seq over 2^53", ErrMalformed)
	case b.Time.Ms < 0 || b.Time.Ms > maxInt || b.Time.N < 0 || b.Time.N > maxInt:
		return "", fmt.Errorf("%w: time out of range", ErrMalformed)
	case len(b.Kind) == 0 || len(b.Kind) > maxKind:
		return "", fmt.Errorf("%w: kind of %d bytes", ErrMalformed, len(b.Kind))
	case len(b.Data) < 2 || b.Data[0] != '{':
		return "", fmt.Errorf("%w: data is not an object", ErrMalformed)
	case b.Feed == 0 && (b.Seq != 0 || b.Prev != ID{}):
		return "", fmt.Errorf("%w: a place outside any feed", ErrMalformed)
	case b.Feed != 0 && b.Seq > 0 && b.Prev == ID{}:
		return "", fmt.Errorf("%w: no predecessor", ErrMalformed)
	case b.Feed != 0 && (b.Kind == KindOpen) != (b.Seq == 0):
		return "", fmt.Errorf("%w: a feed begins with one open record", ErrMalformed)
	}
	for _, r := range string(b.Kind) {
		if (r < 'a' || r > 'z') && r != '-' {
			return "", fmt.Errorf("%w: kind is not in lower case", ErrMalformed)
		}
	}
	return b.checkData()
}
