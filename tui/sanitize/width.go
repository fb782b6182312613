package sanitize

import (
	"strings"

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
	switch len(parts) {
	case 0:
		return SafeText{}
	case 1:
		return parts[0]
	}
	n := len(sep.s) * (len(parts) - 1)
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
func (t SafeText) Lines() []SafeText {
	if strings.IndexByte(t.s, '\n') < 0 {
		return []SafeText{t}
	}
	rows := make([]SafeText, 0, strings.Count(t.s, "\n")+1)
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
