package plain

import (
	"iter"
	"strings"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// chunks cuts text into parts that take at most room bytes, which joined are the text. size is how many bytes
// a character takes. A part ends after a newline if there is one in its second half, else between two
// characters.
func chunks(text string, room int, size func(rune) int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			at := fittingLength(text, room, size)
			if !yield(text[:at]) {
				return
			}
			text = text[at:]
		}
	}
}

func fittingLength(text string, room int, size func(rune) int) int {
	used, newline := 0, 0
	for i, r := range text {
		if used += size(r); used > room {
			if newline > i/2 {
				return newline
			}
			return i
		}
		if r == '\n' {
			newline = i + 1
		}
	}
	return len(text)
}

// jsonSize returns how many bytes a character takes in JSON.
func jsonSize(r rune) int {
	switch {
	case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
		return 2
	case r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029':
		return 6
	}
	return utf8.RuneLen(r)
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
	text := m.Content
	m.Content = ""
	empty, err := wire.EncodeSeed(m)
	room := maxObject - len(empty)
	if err != nil || room < 16 {
		return nil // an id and a name can't be as long as that
	}
	var out [][]byte
	for m.Content = range chunks(text, room, jsonSize) {
		if object, err := wire.EncodeSeed(m); err == nil {
			out = append(out, object)
		}
	}
	return out
}
