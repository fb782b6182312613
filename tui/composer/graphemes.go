package composer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"chat.lan/p2pchat/tui/sanitize"
)

// countCells returns the width of s, a single row.
func countCells(s string) (w int) {
	for i := 0; i < len(s); {
		n, gw := sanitize.FirstGrapheme(s[i:])
		i, w = i+n, w+gw
	}
	return w
}

// offsetOfColumn returns where the grapheme in column col of s begins, or the end of s.
func offsetOfColumn(s string, col int) int {
	w := 0
	for i := 0; i < len(s); {
		n, gw := sanitize.FirstGrapheme(s[i:])
		if w+gw > col {
			return i
		}
		i, w = i+n, w+gw
	}
	return len(s)
}

// after returns the end of the grapheme that begins at byte at.
func after(s string, at int) int {
	if at >= len(s) {
		return len(s)
	}
	n, _ := sanitize.FirstGrapheme(s[at:])
	return at + n
}

// before returns the beginning of the grapheme that ends at byte at.
func before(s string, at int) int { return snap(s, max(at-1, 0)) }

// snap returns the byte at, or the beginning of the grapheme around it. Graphemes depend on the text
// before them, so snap searches from the beginning of the line.
func snap(s string, at int) int {
	if at >= len(s) || at == 0 {
		return at
	}
	i := lineStart(s, at)
	for i < at {
		next := after(s, i)
		if next > at {
			return i
		}
		i = next
	}
	return at
}

func lineStart(s string, at int) int { return strings.LastIndexByte(s[:at], '\n') + 1 }

func lineEnd(s string, at int) int {
	if n := strings.IndexByte(s[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(s)
}

// inWord reports whether the grapheme that begins at byte at is part of a word.
func inWord(s string, at int) bool {
	r, _ := utf8.DecodeRuneInString(s[at:])
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_'
}

// notBlank reports whether the grapheme that begins at byte at is no white space.
func notBlank(s string, at int) bool { return s[at] != ' ' && s[at] != '\n' }

// runBefore returns the beginning of the last run of graphemes before byte at that are in a set, such
// as inWord.
func runBefore(s string, at int, in func(s string, at int) bool) int {
	for at > 0 && !in(s, before(s, at)) {
		at = before(s, at)
	}
	for at > 0 && in(s, before(s, at)) {
		at = before(s, at)
	}
	return at
}

// wordAfter returns the end of the word that begins after byte at.
func wordAfter(s string, at int) int {
	for at < len(s) && !inWord(s, at) {
		at = after(s, at)
	}
	for at < len(s) && inWord(s, at) {
		at = after(s, at)
	}
	return at
}
