package tui

import (
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// How long a sentence stays in the status line.
const (
	errorTime = 12 * time.Second
	infoTime  = 5 * time.Second
)

// statusLine is the sentence that the row above the composer shows for a while.
type statusLine struct {
	text        sanitize.SafeText
	level       event.Level
	until       time.Time
	lastWarning sanitize.SafeText // the last that was shown among the messages
}

// fail shows an error: cause and next step in one row.
func (s *statusLine) fail(now time.Time, text sanitize.SafeText) {
	s.text, s.level, s.until = text, event.Error, now.Add(errorTime)
}

// inform shows that something was done.
func (s *statusLine) inform(now time.Time, text sanitize.SafeText) {
	s.text, s.level, s.until = text, event.Info, now.Add(infoTime)
}

// expire removes a sentence that was shown long enough.
func (s *statusLine) expire(now time.Time) {
	if !s.until.IsZero() && !now.Before(s.until) {
		s.clear()
	}
}

func (s *statusLine) clear() { s.text, s.until = sanitize.SafeText{}, time.Time{} }

// statusRows returns the rows above the composer: a sentence or the current activity on the left,
// numbers on the right. A sentence that is too wide takes several rows.
func (m *model) statusRows(width int) []string {
	t := m.th
	if rows := m.sentenceRows(width); len(rows) > 1 {
		return rows
	}
	right := m.numbers(width)
	room := width - right.Width() - 3
	left, style, ok := m.sentence()
	if !ok {
		left, style = m.activity(width - 2)
	}
	if left.Width() > room { // words come before numbers
		right, room = sanitize.SafeText{}, width-2
	}
	r := t.Row(width).Space(t.Text, 1).PutWithin(style, left, room)
	if !right.IsEmpty() {
		r.PadTo(t.Text, width-right.Width()-1).Put(t.Dim, right)
	}
	return []string{r.PadTo(t.Text, width).String()}
}

// maxSentence is the most rows that a sentence in the status line takes.
const maxSentence = 3

// sentenceRows returns the rows of the sentence, none where there is none.
func (m *model) sentenceRows(width int) (rows []string) {
	text, style, ok := m.sentence()
	if !ok || m.current.Search.IsOpen() {
		return nil
	}
	t := m.th
	parts := text.Wrap(max(width-4, 2))
	if text.Width() <= width-2 {
		parts = []sanitize.SafeText{text}
	}
	for i, part := range parts[:min(len(parts), maxSentence)] {
		r := t.Row(width).Space(t.Text, 1)
		if i > 0 {
			r.Space(t.Text, 2)
		}
		if i == maxSentence-1 && len(parts) > maxSentence {
			part = sanitize.Concat(part, sanitize.Trusted(" "), t.Ellipsis)
		}
		rows = append(rows, r.Put(style, part).PadTo(t.Text, width).String())
	}
	return rows
}

// sentence returns what a person has to read now, if anything.
func (m *model) sentence() (text sanitize.SafeText, style theme.Style, ok bool) {
	t := m.th
	switch {
	case m.quit.waiting:
		return sanitize.Trusted("Saying goodbye: waiting until what you said has arrived. Ctrl+C leaves at once."), t.Accent, true
	case m.cfg.Now().Before(m.quit.offeredUntil):
		return sanitize.Trusted("Press Ctrl+C again to leave"), t.Accent, true
	case m.status.text.IsEmpty():
		return sanitize.SafeText{}, t.Text, false
	case m.status.level == event.Error:
		return sanitize.Concat(t.Refused, sanitize.Trusted(" "), m.status.text), t.Bad, true
	}
	return m.status.text, t.Text, true
}

// activity returns the most important thing that goes on. It shows while there is no sentence.
func (m *model) activity(cells int) (sanitize.SafeText, theme.Style) {
	t, c := m.th, m.current
	switch n := c.Draft.Size(); {
	case n > composer.MaxText: // pasted; sent in parts
		return sanitize.Linef("%.1f KiB, in several messages", float64(n)/1024), t.Warn
	case n > composer.MaxText*7/8:
		return sanitize.Linef("%.1f of %d KiB", float64(n)/1024, composer.MaxText/1024), t.Warn
	}
	if text := m.keyHint(cells); !text.IsEmpty() {
		return text, t.Dim
	}
	if s := c.Saving(); s.NotSaved != "" {
		return sanitize.Linef("%s %s", t.Unsigned, wording.NotSaved(s)), t.Warn
	}
	if text := c.TypingText(); !text.IsEmpty() {
		return text, t.Dim
	}
	return c.CatchUpText(), t.Dim
}

// keyHint names the keys that count where the focus is, the way back always among them. The composer
// has none: a person writes there.
func (m *model) keyHint(cells int) sanitize.SafeText {
	var all, few string
	_, selected := m.current.Messages.Selected()
	switch {
	case selected:
		return sanitize.Trusted("y copies, i inspects, Esc ends")
	case m.focus == panePeers:
		all, few = "j k choose, Enter: details, v: compare words, Esc: back", "Enter: more, v: words, Esc: back"
	case m.focus == paneProposals:
		all, few = proposalHint(m.current.Voting.Pane.Selected())
	case m.focus == paneMessages:
		all, few = "Up selects, PgUp PgDn scroll, Esc: back", "Up selects, PgUp PgDn, Esc: back"
	}
	return sanitize.FirstFitting(cells, sanitize.Line(all), sanitize.Line(few))
}

// proposalHint names the keys for the selected proposal, all and those that a narrow window shows.
func proposalHint(p event.Proposal, selected bool) (all, few string) {
	switch state := p.State; {
	case !selected:
		return "n: propose, Esc: back", "n: propose, Esc: back"
	case p.CanVote && state == vote.StatusOpen:
		return "j k choose, Enter: roll, a: yes, r: no, n: propose, Esc: back", "a: yes, r: no, Esc: back"
	case state == vote.StatusPassed:
		return "j k choose, Enter: roll, c: certificate, n: propose, Esc: back", "Enter: roll, c: proof, Esc: back"
	}
	return "j k choose, Enter: roll, n: propose, Esc: back", "Enter: roll, n: propose, Esc: back"
}

// numbers returns the right end of the status line.
func (m *model) numbers(width int) sanitize.SafeText {
	help := sanitize.Trusted("? help")
	if there, _ := m.peers.Count(); width < sideWidth || there == 0 {
		return help
	}
	t := m.th
	return sanitize.Linef("%s%s %s%s/s %s %s", t.Up, formatRate(m.rates.outRate), t.Down, formatRate(m.rates.inRate), t.Dot, help)
}
