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

// before returns the beginning of the grapheme that ends at byte at. Graphemes depend on the text
// before them, so before searches from the beginning of the line.
func before(s string, at int) int {
	if at == 0 {
		return 0
	}
	if s[at-1] == '\n' {
		return at - 1
	}
	i := lineStart(s, at)
	for {
		next := after(s, i)
		if next >= at {
			return i
		}
		i = next
	}
}

// snap returns the byte at, or the beginning of the grapheme around it.
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

// wordBefore returns the beginning of the word that ends before byte at.
func wordBefore(s string, at int) int {
	for at > 0 && !inWord(s, before(s, at)) {
		at = before(s, at)
	}
	for at > 0 && inWord(s, before(s, at)) {
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

// spaceBefore returns the beginning of the last run without white space before byte at.
func spaceBefore(s string, at int) int {
	blank := func(i int) bool { return s[i] == ' ' || s[i] == '\n' }
	for at > 0 && blank(before(s, at)) {
		at = before(s, at)
	}
	for at > 0 && !blank(before(s, at)) {
		at = before(s, at)
	}
	return at
}
