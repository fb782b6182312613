package messages

import (
	"slices"
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// span is bytes of a text that look different.
type span struct {
	from, to int
	style    theme.Style
}

// marked adds what a search found in the text, and one's own name in what others say. What a
// search found comes first where they overlap.
func (p *Pane) marked(e *entry, text string, spans []span) []span {
	add := func(from, to int, s theme.Style) {
		for _, o := range spans {
			if from < o.to && o.from < to {
				return
			}
		}
		spans = append(spans, span{from, to, s})
	}
	if p.find.on {
		for at := 0; ; {
			from, to := p.find.query.Find(text, at)
			if from < 0 {
				break
			}
			add(from, to, p.cfg.Theme.Hit)
			at = to
		}
	}
	if !e.from.own {
		for at := 0; ; {
			from, to := p.mention(text, at)
			if from < 0 {
				break
			}
			add(from, to, p.cfg.Theme.Mention)
			at = to
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	return spans
}

// paint puts one row of a wrapped text into r, with its spans. At is where the search for the row in
// the text begins; it returns where the next one's does.
func (p *Pane) paint(r *theme.Row, text string, at int, part sanitize.SafeText, spans []span, style func(theme.Style) theme.Style) int {
	plain := style(p.cfg.Theme.Text)
	row := part.String()
	if len(spans) == 0 {
		r.Put(plain, part)
		return at
	}
	// Rows are the text but for the spaces and line ends at which it was broken.
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
		whole = whole && t.String() == text[from:to] // else it was cut inside of a character
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
		r.Put(plain, part)
		return end
	}
	for _, x := range pieces {
		r.Put(x.style, x.text)
	}
	return end
}
