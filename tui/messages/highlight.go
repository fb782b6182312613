package messages

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"chat.lan/p2pchat/net/search"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// span is a range of a text's bytes with a style of its own.
type span struct {
	from, to int
	style    theme.Style
}

// addHighlights adds the spans of search hits, and of the local peer's name in messages of peers. Where
// spans overlap, the earlier kind wins.
func (r *renderer) addHighlights(e *entry, text string, spans []span) []span {
	add := func(find func(text string, at int) (from, to int), s theme.Style) {
		for from, to := find(text, 0); from >= 0; from, to = find(text, to) {
			if !slices.ContainsFunc(spans, func(o span) bool { return from < o.to && o.from < to }) {
				spans = append(spans, span{from, to, s})
			}
		}
	}
	if r.finder.on {
		add(r.finder.query.Find, r.cfg.Theme.Hit)
	}
	if !e.from.own {
		add(r.mention, r.cfg.Theme.Mention)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	return spans
}

// putHighlighted puts a row of a wrapped text, part, into a row of the screen, with its spans. The row
// is looked for in the text from at on; putHighlighted returns from where to look for the next.
func (r *renderer) putHighlighted(out *theme.Row, text string, at int, part sanitize.SafeText, spans []span, style func(theme.Style) theme.Style) int {
	plain := style(r.cfg.Theme.Text)
	row := part.String()
	if len(spans) == 0 {
		out.Put(plain, part)
		return at
	}
	// Rows lack only the spaces and line ends at which the text was broken.
	for at < len(text) && !strings.HasPrefix(text[at:], row) {
		at++
	}
	start, end := at, at+len(row)
	type piece struct {
		text  sanitize.SafeText
		style theme.Style
	}
	var pieces []piece
	whole, cells := true, 0
	cut := func(from, to int, s theme.Style) {
		if from >= to || to > len(text) {
			return
		}
		t := sanitize.Line(text[from:to])
		whole = whole && t.String() == text[from:to] // else a character was cut
		cells += t.Width()
		pieces = append(pieces, piece{t, s})
	}
	for _, s := range spans {
		from, to := max(s.from, start), min(s.to, end)
		if from >= to {
			continue
		}
		cut(at, from, plain)
		cut(from, to, style(s.style))
		at = to
	}
	cut(at, end, plain)
	if !whole || cells != part.Width() {
		out.Put(plain, part)
		return end
	}
	for _, x := range pieces {
		out.Put(x.style, x.text)
	}
	return end
}

// ownName finds the local peer's name in texts. It follows the name as that changes.
type ownName struct {
	name   string
	needle search.Text
}

// mention returns the bytes of the local peer's name in text from at on, with an @ before it if there
// is any. It returns -1, -1 if the text has no whole word like it.
func (r *renderer) mention(text string, at int) (from, to int) {
	if name := r.cfg.OwnName().String(); name != r.own.name {
		r.own.name, r.own.needle = name, search.NewText(name)
	}
	for {
		from, to = r.own.needle.Find(text, at)
		if from < 0 {
			return -1, -1
		}
		at = to
		if strings.HasSuffix(text[:from], "@") {
			from-- // an address such as mail@alice is no mention
		}
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[to:])
		if !inWord(before) && !inWord(after) {
			return from, to
		}
	}
}

// inWord reports whether a rune is part of a word. At either end of a text it gets RuneError.
func inWord(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}
