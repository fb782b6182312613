package messages

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// needle is what is looked for, in any case.
type needle struct {
	runes  []rune // folded
	lo, up byte   // the first rune in both cases if it is ASCII and nothing else folds to it
}

// newNeedle prepares a search. An empty text is found nowhere.
func newNeedle(text string) needle {
	var n needle
	for _, r := range text {
		n.runes = append(n.runes, fold(r))
	}
	if len(n.runes) > 0 {
		// K and S have cases outside of ASCII: the Kelvin sign and the long s.
		if r := n.runes[0]; r < utf8.RuneSelf && r != fold('k') && r != fold('s') {
			n.lo, n.up = byte(unicode.ToLower(r)), byte(unicode.ToUpper(r))
		}
	}
	return n
}

// fold maps all cases of a letter to one.
func fold(r rune) rune {
	if r < utf8.RuneSelf && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') {
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// in finds the next place in text from at on, or -1, -1.
func (n needle) in(text string, at int) (from, to int) {
	if len(n.runes) == 0 {
		return -1, -1
	}
	for at < len(text) {
		if n.lo != 0 {
			i := strings.IndexByte(text[at:], n.lo)
			if n.up != n.lo {
				if i < 0 {
					i = strings.IndexByte(text[at:], n.up)
				} else if j := strings.IndexByte(text[at:at+i], n.up); j >= 0 {
					i = j
				}
			}
			if i < 0 {
				return -1, -1
			}
			at += i
		}
		if end := n.at(text, at); end >= 0 {
			return at, end
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return -1, -1
}

// at tells where the needle ends if it begins at i, else -1.
func (n needle) at(text string, i int) int {
	for _, want := range n.runes {
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
