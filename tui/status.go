package tui

import (
	"fmt"
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

// statusLine is what the row above the composer has to say for a while.
type statusLine struct {
	text  sanitize.SafeText
	level event.Level
	until time.Time
	last  sanitize.SafeText // the last warning among the messages
}

// fail shows an error: one line with cause and next step.
func (s *statusLine) fail(now time.Time, text sanitize.SafeText) {
	s.text, s.level, s.until = text, event.Error, now.Add(errorTime)
}

// tell shows that something was done.
func (s *statusLine) tell(now time.Time, text sanitize.SafeText) {
	s.text, s.level, s.until = text, event.Info, now.Add(infoTime)
}

// expire takes away what was shown long enough.
func (s *statusLine) expire(now time.Time) {
	if !s.until.IsZero() && !now.Before(s.until) {
		s.clear()
	}
}

func (s *statusLine) clear() { s.text, s.until = sanitize.SafeText{}, time.Time{} }

// rates is how much comes in and goes out.
type rates struct {
	of      map[string]event.Peer // as counted last, by uuid; of those who are here
	in, out int64                 // bytes since at
	at      time.Time
	inRate  float64 // bytes a second
	outRate float64
}

// rateTime is how long bytes are counted before they become a rate.
const rateTime = 2 * time.Second

// count takes in a peer's numbers.
func (r *rates) count(now time.Time, p event.Peer) {
	if r.of == nil {
		r.of, r.at = map[string]event.Peer{}, now
	}
	if old, ok := r.of[p.ID]; ok {
		r.in += max(p.In-old.In, 0)
		r.out += max(p.Out-old.Out, 0)
	}
	r.of[p.ID] = p
	if d := now.Sub(r.at); d >= rateTime {
		r.inRate, r.outRate = float64(r.in)/d.Seconds(), float64(r.out)/d.Seconds()
		r.in, r.out, r.at = 0, 0, now
	}
}

// forget drops the numbers of a peer that has gone: a link to it later counts from nothing.
func (r *rates) forget(id string) { delete(r.of, id) }

// next is when a rate that was shown is to fall to nothing by itself.
func (r *rates) next() time.Time {
	if r.inRate == 0 && r.outRate == 0 {
		return time.Time{}
	}
	return r.at.Add(4 * rateTime)
}

// rest lets the rates fall to nothing when no numbers come any more.
func (r *rates) rest(now time.Time) {
	if now.Sub(r.at) >= 4*rateTime {
		r.inRate, r.outRate = 0, 0
	}
}

// rate is an amount a second, in a width that doesn't change up to a gigabyte.
func rate(f float64) string {
	switch f /= 1000; {
	case f < 99.95:
		return fmt.Sprintf("%4.1f k", f)
	case f < 999.5:
		return fmt.Sprintf("%4.0f k", f)
	}
	return fmt.Sprintf("%4.0f M", f/1000)
}

// statusRows are the row above the composer: what just happened or is happening on the left, numbers on
// the right. A sentence that a narrow window would cut takes several rows.
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
	if left.Width() > room { // what is said in words comes before numbers
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

// sentenceRows are the rows of a sentence, none if there is none.
func (m *model) sentenceRows(width int) (rows []string) {
	text, style, ok := m.sentence()
	if !ok || m.search.open {
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

// sentence is what has to be read: it is not cut where it can be helped.
func (m *model) sentence() (text sanitize.SafeText, style theme.Style, ok bool) {
	t := m.th
	switch {
	case m.leave.waiting:
		return sanitize.Trusted("Saying goodbye: waiting until what you said has arrived. Ctrl+C leaves at once."), t.Accent, true
	case !m.leave.until.IsZero() && m.cfg.Now().Before(m.leave.until):
		return sanitize.Trusted("Press Ctrl+C again to leave"), t.Accent, true
	case m.status.level == event.Error && !m.status.text.IsEmpty():
		return sanitize.Concat(t.Refused, sanitize.Trusted(" "), m.status.text), t.Bad, true
	case !m.status.text.IsEmpty():
		return m.status.text, t.Text, true
	}
	return sanitize.SafeText{}, t.Text, false
}

// activity is what goes on: the most important thing that there is to say while no sentence is there.
func (m *model) activity(cells int) (sanitize.SafeText, theme.Style) {
	t := m.th
	switch n := m.compose.Size(); {
	case n > composer.MaxText: // pasted: it goes out, in parts
		return sanitize.Linef("%.1f KiB, in several messages", float64(n)/1024), t.Warn
	case n > composer.MaxText*7/8:
		return sanitize.Linef("%.1f of %d KiB", float64(n)/1024, composer.MaxText/1024), t.Warn
	}
	if text := m.hint(cells); !text.IsEmpty() {
		return text, t.Dim
	}
	if m.saving.NotSaved != "" {
		return sanitize.Linef("%s %s", t.Unsigned, wording.NotSaved(m.saving)), t.Warn
	}
	if text := m.typingText(); !text.IsEmpty() {
		return text, t.Dim
	}
	if m.sync.Missing > 0 {
		return m.catching(), t.Dim
	}
	return sanitize.SafeText{}, t.Dim
}

// hint names the keys that count where the focus is, but for the composer, where one writes: as many
// as have room, the way back always among them.
func (m *model) hint(cells int) sanitize.SafeText {
	var all, few string
	_, selected := m.messages.Selected()
	switch {
	case selected:
		return sanitize.Trusted("y copies, i inspects, Esc ends")
	case m.focus == panePeers:
		all, few = "j k choose, Enter: details, v: compare words, Esc: back", "Enter: more, v: words, Esc: back"
	case m.focus == paneProposals:
		all, few = m.voteHint()
	case m.focus == paneMessages:
		all, few = "Up selects, PgUp PgDn scroll, Esc: back", "Up selects, PgUp PgDn, Esc: back"
	}
	return widest(cells, sanitize.Line(all), sanitize.Line(few))
}

// voteHint is the hint for the selected proposal.
func (m *model) voteHint() (all, few string) {
	p, ok := m.proposals.Selected()
	switch {
	case !ok:
		return "n: propose, Esc: back", "n: propose, Esc: back"
	case p.CanVote && p.State == string(vote.StatusOpen):
		return "j k choose, Enter: roll, a: yes, r: no, n: propose, Esc: back", "a: yes, r: no, Esc: back"
	case p.State == string(vote.StatusPassed):
		return "j k choose, Enter: roll, c: certificate, n: propose, Esc: back", "Enter: roll, c: proof, Esc: back"
	}
	return "j k choose, Enter: roll, n: propose, Esc: back", "Enter: roll, n: propose, Esc: back"
}

// numbers is the right end of the status line.
func (m *model) numbers(width int) sanitize.SafeText {
	help := sanitize.Trusted("? help")
	if there, _ := m.peers.Count(); width < sideWidth || there == 0 {
		return help
	}
	t := m.th
	return sanitize.Linef("%s%s %s%s/s %s %s", t.Up, rate(m.rates.outRate), t.Down, rate(m.rates.inRate), t.Dot, help)
}
