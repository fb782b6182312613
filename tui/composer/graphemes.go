package composer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// first measures the first grapheme of s, which isn't empty: bytes and cells.
func first(s string) (n, width int) {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1, 1
	}
	g, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return len(g), w
}

// cells is the width of s, one row.
func cells(s string) (w int) {
	for i := 0; i < len(s); {
		n, gw := first(s[i:])
		i, w = i+n, w+gw
	}
	return w
}

// offset is where the grapheme that covers cell col of s begins, or the end of s.
func offset(s string, col int) int {
	w := 0
	for i := 0; i < len(s); {
		n, gw := first(s[i:])
		if w+gw > col {
			return i
		}
		i, w = i+n, w+gw
	}
	return len(s)
}

// after is the end of the grapheme that begins at at.
func after(s string, at int) int {
	if at >= len(s) {
		return len(s)
	}
	n, _ := first(s[at:])
	return at + n
}

// before is the beginning of the grapheme that ends at at. Where graphemes begin depends on what is
// before, so it is found from the beginning of the line.
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

// snap is at, or the beginning of the grapheme that it is within.
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

// inWord reports whether the grapheme that begins at at is part of a word.
func inWord(s string, at int) bool {
	r, _ := utf8.DecodeRuneInString(s[at:])
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_'
}

// wordBefore is the beginning of the word that ends before at.
func wordBefore(s string, at int) int {
	for at > 0 && !inWord(s, before(s, at)) {
		at = before(s, at)
	}
	for at > 0 && inWord(s, before(s, at)) {
		at = before(s, at)
	}
	return at
}

// wordAfter is the end of the word that begins after at.
func wordAfter(s string, at int) int {
	for at < len(s) && !inWord(s, at) {
		at = after(s, at)
	}
	for at < len(s) && inWord(s, at) {
		at = after(s, at)
	}
	return at
}

// spaceBefore is the beginning of the run of anything but white space before at, and of the white
// space between them.
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
