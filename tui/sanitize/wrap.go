package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Wrap breaks t into rows of at most that many cells: after spaces, hyphens in words and around wide
// characters if it can, between graphemes if it must. Spaces at a break are dropped; those that begin
// a row of t stay. There is always at least a row. Cells under 2 count as 2, the width of the widest
// grapheme.
func (t SafeText) Wrap(cells int) []SafeText {
	cells = max(cells, 2)
	if len(t.s) <= cells && isPlain(t.s, false) {
		return []SafeText{t}
	}
	rows := make([]SafeText, 0, len(t.s)/cells+1)
	for row := range strings.SplitSeq(t.s, "\n") {
		rows = wrapRow(rows, row, cells)
	}
	return rows
}

// wrapRow breaks s, which has no line end, and appends its rows.
func wrapRow(rows []SafeText, s string, cells int) []SafeText {
	var (
		start, w int  // the row under way and the cells since its start
		ink      int  // the end of the last word in it
		cut      = -1 // where the last word ends, if the row may break there
		next     int  // where the row after that break starts
		wNext    int  // cells from start to next
		prev     rune // the last rune before i
		wide     bool // prev belongs to a wide grapheme
		first    = len(rows)
	)
	for i := 0; i < len(s); {
		if s[i] == ' ' && (i+1 == len(s) || s[i+1] < 0x80) {
			if w == cells { // the row is full: it breaks here and the spaces go
				rows = append(rows, SafeText{s[start:ink]})
				for i < len(s) && s[i] == ' ' {
					i++
				}
				start, w, ink, cut, prev, wide = i, 0, i, -1, 0, false
				continue
			}
			i, w = i+1, w+1
			if ink > start {
				cut, next, wNext = ink, i, w
			}
			prev, wide = ' ', false
			continue
		}
		n, gw := FirstGrapheme(s[i:])
		r, _ := utf8.DecodeRuneInString(s[i:])
		if i > start && prev != ' ' && mayBreak(prev, wide, r, gw == 2) {
			cut, next, wNext = i, i, w
		}
		if w+gw > cells && w > 0 {
			if cut < 0 { // one word fills the row
				cut, next, wNext = i, i, w
			}
			rows = append(rows, SafeText{s[start:cut]})
			start, w, cut = next, w-wNext, -1
			ink = max(ink, start)
			continue
		}
		i, w = i+n, w+gw
		ink = i
		if r == '-' && !unicode.IsLetter(prev) {
			prev = 0 // an option or a minus: stays with the text after it
		} else {
			prev, _ = utf8.DecodeLastRuneInString(s[:i])
		}
		wide = gw == 2
	}
	if start < len(s) || len(rows) == first {
		rows = append(rows, SafeText{s[start:]})
	}
	return rows
}

// mayBreak reports whether a row may end between the runes a and b without a space there.
func mayBreak(a rune, aWide bool, b rune, bWide bool) bool {
	if a == '-' {
		return unicode.IsLetter(b)
	}
	if !aWide && !bWide {
		return false
	}
	// A closing mark stays with the text before it, an opening mark with the text after it.
	return !unicode.In(b, unicode.Pe, unicode.Pf, unicode.Po) && !unicode.In(a, unicode.Ps, unicode.Pi)
}
