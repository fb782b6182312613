package tui

import (
	"fmt"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/clean"
	"chat.lan/p2pchat/tui/compose"
	"chat.lan/p2pchat/tui/theme"
)

// How long a sentence stays in the status line.
const (
	errorTime = 12 * time.Second
	infoTime  = 5 * time.Second
)

// statusLine is what the row above the composer has to say for a while.
type statusLine struct {
	text  clean.SafeText
	level event.Level
	until time.Time
	last  clean.SafeText // the last warning among the messages
}

// fail shows an error: one line with cause and next step.
func (s *statusLine) fail(now time.Time, text clean.SafeText) {
	s.text, s.level, s.until = text, event.Error, now.Add(errorTime)
}

// tell shows that something was done.
func (s *statusLine) tell(now time.Time, text clean.SafeText) {
	s.text, s.level, s.until = text, event.Info, now.Add(infoTime)
}

// expire takes away what was shown long enough.
func (s *statusLine) expire(now time.Time) {
	if !s.until.IsZero() && !now.Before(s.until) {
		s.clear()
	}
}

func (s *statusLine) clear() { s.text, s.until = clean.SafeText{}, time.Time{} }

// rates is how much comes in and goes out.
type rates struct {
	of      map[string]event.Peer // as counted last, by uuid
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

// statusRow is the row above the composer: what just happened or is happening on the left, numbers on
// the right.
func (m *model) statusRow(width int) string {
	t := m.th
	r := t.Row(width).Space(t.Text, 1)
	right := m.numbers(width)
	room := width - right.Width() - 3
	left, style := m.statusText()
	if left.Width() > room { // what is said in words comes before numbers
		right, room = clean.SafeText{}, width-2
	}
	r.PutWithin(style, left, room)
	if !right.IsEmpty() {
		r.To(t.Text, width-right.Width()-1).Put(t.Dim, right)
	}
	return r.To(t.Text, width).String()
}

// statusText is the most important thing that there is to say.
func (m *model) statusText() (clean.SafeText, theme.Style) {
	t := m.th
	switch {
	case m.leave.waiting:
		return clean.Trusted("Saying goodbye: waiting until what you said has arrived. Ctrl+C leaves at once."), t.Accent
	case !m.leave.until.IsZero() && m.cfg.Now().Before(m.leave.until):
		return clean.Trusted("Press Ctrl+C again to leave"), t.Accent
	case m.status.level == event.Error && !m.status.text.IsEmpty():
		return clean.Concat(t.Refused, clean.Trusted(" "), m.status.text), t.Bad
	case !m.status.text.IsEmpty():
		return m.status.text, t.Text
	}
	if n := m.compose.Size(); n > compose.MaxText*7/8 {
		return clean.Linef("%.1f of %d KiB", float64(n)/1024, compose.MaxText/1024), t.Warn
	}
	if text := m.hint(); !text.IsEmpty() {
		return text, t.Dim
	}
	if m.saving.NotSaved != "" {
		return clean.Linef("%s Not saved: %s", t.Unsigned, m.saving.NotSaved), t.Warn
	}
	if text := m.typingText(); !text.IsEmpty() {
		return text, t.Dim
	}
	if m.sync.Missing > 0 {
		return m.catching(), t.Dim
	}
	return clean.SafeText{}, t.Dim
}

// hint names the keys that count where the focus is, but for the composer, where one writes.
func (m *model) hint() clean.SafeText {
	_, selected := m.messages.Selected()
	switch {
	case selected:
		return clean.Trusted("y copies, i inspects, Esc ends")
	case m.focus == panePeers:
		return clean.Trusted("j k choose, Enter: details, v: compare words, Esc: back")
	case m.focus == paneMessages:
		return clean.Trusted("Up selects, PgUp PgDn scroll, Esc: back")
	}
	return clean.SafeText{}
}

// numbers is the right end of the status line.
func (m *model) numbers(width int) clean.SafeText {
	help := clean.Trusted("? help")
	if there, _ := m.peers.Count(); width < sideWidth || there == 0 {
		return help
	}
	t := m.th
	return clean.Linef("%s%s %s%s/s %s %s", t.Up, rate(m.rates.outRate), t.Down, rate(m.rates.inRate), t.Dot, help)
}
