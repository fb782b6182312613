package tui

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/screen"
	"chat.lan/p2pchat/tui/theme"
)

// Frame composes the screen: each part draws its rows, and they are put side by side. What stands
// behind text that others wrote begins with screen.Column, so that it stays in line whatever the
// terminal makes of an emoji.
func (m *model) Frame(width, height int) screen.Frame {
	if width != m.width || height != m.height {
		m.width, m.height = width, height
		m.arrange()
	}
	l := m.lay
	f := screen.Frame{Title: m.windowTitle()}
	if l.TooSmall {
		f.Rows = m.tooSmall(width, height)
		return f
	}
	rows := make([]string, height)
	put := func(at rect, part []string) {
		for i := range min(len(part), at.H) {
			y := at.Y + i
			if at.X > 0 {
				rows[y] += screen.MoveToColumn(at.X)
			}
			rows[y] += part[i]
		}
	}
	put(l.Title, []string{m.titleRow(width)})
	put(l.Banner, m.banner())
	put(l.TopRule, []string{m.rule(l, m.th.TeeDown)})
	put(l.Messages, m.main())
	put(l.Overlay, m.overlay.draw(m.th, l.Overlay))
	put(l.Divider, m.divider(l.Divider.H))
	put(m.lay.sideRect(), m.sideRows())
	put(l.LowRule, []string{m.rule(l, m.th.TeeUp)})

	text, x, y := m.compose.Rows(width, l.Compose.H)
	put(l.Compose, text)
	f.CursorX, f.CursorY = x, l.Compose.Y+y
	f.CursorVisible = m.focus == paneCompose && !m.leave.waiting
	if m.search.open {
		row, x := m.searchRow(width)
		put(l.Status, []string{row})
		f.CursorX, f.CursorY, f.CursorVisible = x, l.Status.Y, true
	} else {
		put(l.Status, m.statusRows(width))
	}
	if l.List.shown() {
		m.list(rows)
	}
	f.Rows = rows
	return f
}

// sideRows are the rows of the side panes, one under the other.
func (m *model) sideRows() []string {
	l := m.lay
	var rows []string
	if l.Peers.shown() {
		rows = append(rows, m.peers.Rows()...)
	}
	if l.SideRule.shown() {
		rows = append(rows, m.th.Row(l.SideRule.W).FillTo(m.th.Dim, m.th.HRule, l.SideRule.W).String())
	}
	if l.Proposals.shown() {
		rows = append(rows, m.proposals.Rows()...)
	}
	return rows
}

// main are the rows of the messages, below the welcome while there is nobody.
func (m *model) main() []string {
	if !m.lay.Messages.shown() {
		return nil
	}
	return append(m.welcomeRows(m.lay.Messages.W, m.lay.Messages.H), m.messages.Rows()...)
}

// list puts the composer's list, under a heading, over the rows above the status line.
func (m *model) list(rows []string) {
	at := m.lay.List
	var side []string
	if m.lay.Divider.shown() {
		side = m.sideRows()
	}
	t := m.th
	hint := sanitize.Trusted(" Tab chooses, Esc closes ")
	heading := t.Row(at.W)
	if at.W > hint.Width()+4 {
		heading.FillTo(t.Dim, t.HRule, at.W-hint.Width()-2).Put(t.Dim, hint)
	}
	heading.FillTo(t.Dim, t.HRule, at.W)
	for i, row := range append([]string{heading.String()}, m.compose.ListRows(at.W)...) {
		if i >= at.H {
			return
		}
		y := at.Y + i
		rows[y] = row
		if n := y - m.lay.Divider.Y; n >= 0 && n < len(side) {
			rows[y] += screen.MoveToColumn(m.lay.Divider.X) + t.Dim.Render(t.VRule) + screen.MoveToColumn(m.lay.Divider.X+1) + side[n]
		}
	}
}

// rule is a line across the screen, with a tee where the divider meets it.
func (m *model) rule(l layout, tee sanitize.SafeText) string {
	t := m.th
	r := t.Row(m.width)
	if l.Divider.shown() {
		r.FillTo(t.Dim, t.HRule, l.Divider.X).Put(t.Dim, tee)
	}
	return r.FillTo(t.Dim, t.HRule, m.width).String()
}

func (m *model) divider(height int) []string {
	rows := make([]string, height)
	for i := range rows {
		rows[i] = m.th.Dim.Render(m.th.VRule)
	}
	if at := m.lay.SideRule.Y - m.lay.Divider.Y; m.lay.SideRule.shown() && at < height {
		rows[at] = m.th.Dim.Render(m.th.Tee)
	}
	return rows
}

// tooSmall is what a window shows in which nothing has room.
func (m *model) tooSmall(width, height int) []string {
	var rows []string
	text := sanitize.Linef("p2pchat needs %d x %d cells; this window has %d x %d", minWidth, minHeight, width, height)
	for _, part := range text.Wrap(max(width, 2)) {
		if len(rows) < height && part.Width() <= width {
			rows = append(rows, m.th.Dim.Render(part))
		}
	}
	return rows
}

// windowTitle is the title of the terminal's window, with what was missed in front of it, so that it
// is seen in a narrow tab.
func (m *model) windowTitle() string {
	title := "p2pchat"
	if m.self.Room != "" {
		title += " #" + sanitize.Line(m.self.Room).String()
	}
	if n := m.messages.CountUnread(); m.away && n > 0 {
		title = fmt.Sprintf("(%d) %s", n, title)
	}
	return title
}

// titleRow is the bar at the top: room and its topic, how safe it is, then where and with whom, and the clock.
func (m *model) titleRow(width int) string {
	t := m.th
	r := t.Row(width).Space(t.Bar, 1)
	narrow := width < sideWidth
	if !narrow {
		r.Put(t.Bar, sanitize.Trusted("p2pchat")).Space(t.Bar, 2)
	}
	right := m.titleEnd(narrow)
	room := sanitize.Concat(sanitize.Trusted("#"), sanitize.Line(m.self.Room))
	r.PutWithin(t.BarStrong, room, max(width/3, 8)).Space(t.Bar, 2)
	safe, ok := m.safety(narrow)
	style := t.Bar
	if !ok {
		style = t.BarWarn
	}
	if !narrow {
		m.topic(r, width-right.Width()-2-r.Width()-safe.Width()-2)
	}
	if left := width - right.Width() - 2 - r.Width(); left > 0 {
		if at := width/3 - safe.Width()/2; !narrow && at > r.Width() && at+safe.Width() < width-right.Width()-2 {
			r.PadTo(t.Bar, at)
			left -= at - r.Width()
		}
		r.PutWithin(style, safe, min(left, width-right.Width()-2-r.Width()))
	}
	return r.PadTo(t.Bar, width-right.Width()-1).Put(t.Bar, right).PadTo(t.Bar, width).String()
}

// minTopic is the fewest cells of a topic that are worth showing.
const minTopic = 10

// topic puts the room's topic, if it has one, into the bar, within that many cells. Quoted, it can't be
// taken for something that the bar says.
func (m *model) topic(r *theme.Row, cells int) {
	if m.voting.policy.Topic == "" {
		return
	}
	text := sanitize.Linef("\"%s\"", m.voting.policy.Topic)
	if cells < min(minTopic, text.Width())+2 {
		return
	}
	r.PutWithin(m.th.Bar, text, cells-2).Space(m.th.Bar, 2)
}

// safety is how safe it is to speak here, and whether that is well: the policy that was voted for, with
// its number, or what can be read on the way.
func (m *model) safety(narrow bool) (text sanitize.SafeText, ok bool) {
	there, _ := m.peers.Count()
	plain := m.peers.CountPlain()
	policy := m.voting.policy
	switch {
	case policy.SecureOnly && narrow:
		return sanitize.Concat(m.th.Signed, sanitize.Trusted(" secure")), true
	case policy.SecureOnly:
		return sanitize.Linef("%s secure-only %s policy %s", m.th.Signed, m.th.Dot, policy.Label), true
	case plain > 0 && narrow:
		return sanitize.Linef("%s %d plain", m.th.Unsigned, plain), false
	case plain > 0:
		return sanitize.Linef("%s %d of %d can be read on the way", m.th.Unsigned, plain, there), false
	case there == 0:
		return sanitize.SafeText{}, true
	case narrow:
		return m.th.Signed, true
	}
	return sanitize.Concat(m.th.Signed, sanitize.Trusted(" encrypted")), true
}

// titleEnd is the right end of the bar.
func (m *model) titleEnd(narrow bool) sanitize.SafeText {
	dot := " " + m.th.Dot.String() + " "
	there, _ := m.peers.Count()
	var parts []string
	if n := m.messages.CountUnread(); n > 0 && (m.away || !m.messages.AtEnd()) {
		parts = append(parts, fmt.Sprintf("%d new", n))
	}
	if _, mine := m.proposals.CountOpen(); mine > 0 && narrow {
		parts = append(parts, fmt.Sprintf("%d to vote", mine))
	}
	if narrow {
		parts = append(parts, fmt.Sprintf("%d here", there+1))
		return sanitize.Line(strings.Join(parts, dot))
	}
	if m.alone() {
		if m.network.Looking {
			parts = append(parts, m.looking())
		}
		if m.self.Port != 0 {
			parts = append(parts, fmt.Sprintf("port %d", m.self.Port))
		}
	} else {
		if names := m.interfaces(); names != "" {
			parts = append(parts, names)
		}
		if there == 1 {
			parts = append(parts, "1 peer")
		} else {
			parts = append(parts, fmt.Sprintf("%d peers", there))
		}
	}
	return sanitize.Line(strings.Join(append(parts, m.now().Format("15:04")), dot))
}

// maxInterfaces is how many interfaces the bar names.
const maxInterfaces = 3

// interfaces are the names of those that are in use.
func (m *model) interfaces() string {
	var names []string
	for _, i := range m.network.Interfaces {
		if i.Skipped == "" && i.Error == "" {
			names = append(names, i.Name)
		}
	}
	if len(names) > maxInterfaces {
		names = append(names[:maxInterfaces], fmt.Sprintf("+%d", len(names)-maxInterfaces))
	}
	return strings.Join(names, " ")
}
