// Package search finds a text in messages, whatever its case.
//
// The searches on disk and on the screen share it, so that both find the same messages. Two characters are
// the same when Unicode's simple case folding says so: the long s (ſ) equals s, the Kelvin sign equals k.
// Simple folding maps one character to one, so ß does not equal ss, and İ equals neither i nor ı. Texts are
// not normalized: é as one character does not equal e with a combining accent.
package search

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is a text to search for; the zero Text is found nowhere. Contains uses a buffer, so one
// goroutine at a time may call it.
type Text struct {
	runes []rune // folded

	// lower and upper are the first rune in both cases, if it is ASCII and nothing else folds to it.
	lower, upper byte

	ascii       []byte // the runes in lower case, if all are ASCII; else nil
	asciiCousin bool   // a rune has a case outside ASCII: the Kelvin sign, the long s
	buf         []byte
}

// NewText prepares a search. An empty text is found nowhere.
func NewText(text string) Text {
	t := Text{ascii: []byte{}}
	for _, r := range text {
		r = fold(r)
		t.runes = append(t.runes, r)
		t.asciiCousin = t.asciiCousin || hasCousin(r)
		if r >= utf8.RuneSelf {
			t.ascii = nil
		} else if t.ascii != nil {
			t.ascii = append(t.ascii, byte(unicode.ToLower(r)))
		}
	}
	if len(t.runes) > 0 {
		if r := t.runes[0]; r < utf8.RuneSelf && !hasCousin(r) {
			t.lower, t.upper = byte(unicode.ToLower(r)), byte(unicode.ToUpper(r))
		}
	}
	return t
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hasCousin reports whether a folded ASCII rune has a case outside ASCII.
func hasCousin(r rune) bool { return r == 'K' || r == 'S' }

// fold maps all cases of a letter to the least of them: a capital for ASCII letters.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// Contains reports whether text has t in it, as Find does, but faster where ASCII decides.
func (t *Text) Contains(text string) bool {
	if t.ascii == nil {
		from, _ := t.Find(text, 0)
		return from >= 0
	}
	if len(t.ascii) == 0 || len(text) < len(t.ascii) {
		return false
	}
	if t.asciiCousin && !isASCII(text) {
		from, _ := t.Find(text, 0)
		return from >= 0
	}
	lower := append(t.buf[:0], text...)
	t.buf = lower
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' { // seldom, so that the branch is cheap
			lower[i] = c + ('a' - 'A')
		}
	}
	return bytes.Contains(lower, t.ascii)
}

// Find returns where t stands next in text, from the byte offset start on, or -1, -1.
func (t *Text) Find(text string, start int) (from, to int) {
	if len(t.runes) == 0 {
		return -1, -1
	}
	for at := start; at < len(text); {
		if t.lower != 0 {
			i := strings.IndexByte(text[at:], t.lower)
			if t.upper != t.lower {
				if i < 0 {
					i = strings.IndexByte(text[at:], t.upper)
				} else if j := strings.IndexByte(text[at:at+i], t.upper); j >= 0 {
					i = j
				}
			}
			if i < 0 {
				return -1, -1
			}
			at += i
		}
		if end := t.matchAt(text, at); end >= 0 {
			return at, end
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return -1, -1
}

// matchAt returns where t ends if it begins at byte i of text, else -1.
func (t *Text) matchAt(text string, i int) int {
	for _, want := range t.runes {
		if i >= len(text) {
			return -1
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r != want && fold(r) != want {
			return -1
		}
		i += size
	}
	return i
}
