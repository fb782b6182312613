package plain

import (
	"iter"
	"strings"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// chunks cuts text into parts of at most n bytes, which joined are the text. It cuts after a newline if there
// is one in the second half of a part, else between two characters.
func chunks(text string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > n {
			at := len(wire.TruncateUTF8(text, n))
			if i := strings.LastIndexByte(text[:at], '\n'); i >= at/2 {
				at = i + 1
			}
			if !yield(text[:at]) {
				return
			}
			text = text[at:]
		}
		if text != "" {
			yield(text)
		}
	}
}

// chat is a message on its way to JSON peers.
type chat struct {
	id, name, text string
	signer         *identity.Identity // nil: not signed
}

// encode returns the objects of a message, each at most maxObject bytes: a signed one if that fits, else as
// many unsigned ones as it takes.
func (c chat) encode(at int64) [][]byte {
	m := wire.SeedChat{
		FromID: wire.TruncateUTF8(c.id, maxID), FromName: wire.TruncateUTF8(strings.ToValidUTF8(c.name, "\ufffd"), maxName),
		Content: strings.ToValidUTF8(c.text, "\ufffd"), Timestamp: wire.Seconds(max(at, 0)),
	}
	if c.signer != nil && len(m.Content) < maxObject {
		signed := m
		signed.Signature, signed.PublicKey = c.signer.SignSeedForm(wire.SeedSignedBytes(m.Content, m.Timestamp))
		if object, err := wire.EncodeSeed(signed); err == nil && len(object) <= maxObject {
			return [][]byte{object}
		}
	}
	rest := m.Content
	m.Content = ""
	empty, err := wire.EncodeSeed(m)
	room := maxObject - len(empty)
	if err != nil || room < 16 {
		return nil // an id and a name can't be as long as that
	}
	var out [][]byte
	for rest != "" {
		at := fittingLength(rest, room)
		m.Content = rest[:at]
		rest = rest[at:]
		if object, err := wire.EncodeSeed(m); err == nil {
			out = append(out, object)
		}
	}
	return out
}

// fittingLength returns the length of the first part of text whose JSON form is at most room bytes. The part
// ends after a newline or between two characters.
func fittingLength(text string, room int) int {
	used, newline := 0, 0
	for i, r := range text {
		n := utf8.RuneLen(r)
		switch {
		case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
			n = 2
		case r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029':
			n = 6
		}
		if used+n > room {
			if newline > i/2 {
				return newline
			}
			return i
		}
		used += n
		if r == '\n' {
			newline = i + 1
		}
	}
	return len(text)
}
