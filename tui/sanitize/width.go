package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Width returns how many terminal cells the widest row of t takes.
func (t SafeText) Width() int {
	if isPlain(t.s, false) {
		return len(t.s)
	}
	w := 0
	for row := range strings.SplitSeq(t.s, "\n") {
		w = max(w, ansi.StringWidth(row))
	}
	return w
}

// Concat joins the parts.
func Concat(parts ...SafeText) SafeText { return Join(SafeText{}, parts...) }

// Join joins the parts with sep between them.
func Join(sep SafeText, parts ...SafeText) SafeText {
	n := len(sep.s) * len(parts)
	for _, p := range parts {
		n += len(p.s)
	}
	var b strings.Builder
	b.Grow(n)
	for i, p := range parts {
		if i > 0 {
			b.WriteString(sep.s)
		}
		b.WriteString(p.s)
	}
	return SafeText{b.String()}
}

// Cut shortens t, a single row, to at most that many cells, at the end of a grapheme. After a cut, tail
// (usually Trusted("…")) stands at the end, within the cells. Where not even tail fits, Cut returns the
// empty text.
func (t SafeText) Cut(cells int, tail SafeText) SafeText {
	if len(t.s) <= cells && isPlain(t.s, false) {
		return t
	}
	room := cells - tail.Width()
	end, w := 0, 0 // end is where the tail goes
	for i := 0; i < len(t.s); {
		n, gw := FirstGrapheme(t.s[i:])
		w += gw
		if w > cells {
			if room < 0 {
				return SafeText{}
			}
			return SafeText{t.s[:end] + tail.s}
		}
		i += n
		if w <= room {
			end = i
		}
	}
	return t
}

// Pad adds spaces at the end of t, a single row, up to that many cells. A longer row stays as it is.
func (t SafeText) Pad(cells int) SafeText {
	if n := cells - t.Width(); n > 0 {
		return SafeText{t.s + strings.Repeat(" ", n)}
	}
	return t
}

// Lines splits t at its line ends. The empty text gives an empty row.
func (t SafeText) Lines() (rows []SafeText) {
	for row := range strings.SplitSeq(t.s, "\n") {
		rows = append(rows, SafeText{row})
	}
	return rows
}

// FirstGrapheme measures the first grapheme of s, which must not be empty, in bytes and cells. Where
// x/ansi cuts and wraps, it takes an ASCII byte for a grapheme, and so splits 1️⃣ and e\u0301. Its
// function for a single grapheme doesn't.
func FirstGrapheme(s string) (n, cells int) {
	if s[0] < 0x80 && (len(s) == 1 || s[1] < 0x80) {
		return 1, 1
	}
	g, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return len(g), w
}

// FirstFitting returns the first of the texts, ordered from long to short, that takes at most that many
// cells. It returns the last where none does.
func FirstFitting(cells int, texts ...SafeText) SafeText {
	for _, t := range texts {
		if t.Width() <= cells {
			return t
		}
	}
	return texts[len(texts)-1]
}

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
