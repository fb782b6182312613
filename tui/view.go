package tui

import (
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/screen"
	"chat.lan/p2pchat/tui/theme"
)

// Frame implements screen.Model: each part draws its rows, and they are put side by side. Parts to the
// right of text that peers wrote begin with screen.MoveToColumn, because terminals disagree about how wide
// some emoji are.
func (m *model) Frame(width, height int) screen.Frame {
	if width != m.width || height != m.height {
		m.width, m.height = width, height
		m.arrange()
	}
	l, c := m.lay, m.current
	f := screen.Frame{Title: m.windowTitle()}
	if l.TooSmall {
		f.Rows = tooSmallRows(m.th, width, height)
		return f
	}
	rows := make(canvas, height)
	rows.put(l.Title, []string{m.titleRow(width)})
	rows.put(l.Banner, c.Voting.BannerRows(width))
	rows.put(l.TopRule, []string{m.rule(m.th.TeeDown)})
	if l.Messages.shown() {
		rows.put(l.Messages, append(m.welcomeRows(l.Messages.W, l.Messages.H), c.Messages.Rows()...))
	}
	rows.put(l.Overlay, m.overlay.draw(m.th, l.Overlay))
	rows.put(l.Divider, dividerRows(m.th, l))
	rows.put(l.sideRect(), m.sideRows())
	rows.put(l.LowRule, []string{m.rule(m.th.TeeUp)})

	text, x, y := c.Draft.Rows(width, l.Compose.H)
	rows.put(l.Compose, text)
	f.CursorX, f.CursorY = x, l.Compose.Y+y
	f.CursorVisible = m.focus == paneCompose && !m.quit.waiting
	if c.Search.IsOpen() {
		row, x := c.Search.Row(width)
		rows.put(l.Status, []string{row})
		f.CursorX, f.CursorY, f.CursorVisible = x, l.Status.Y, true
	} else {
		rows.put(l.Status, m.statusRows(width))
	}
	if l.List.shown() {
		m.drawList(rows)
	}
	f.Rows = rows
	return f
}

// canvas holds the rows of the screen while they are put together.
type canvas []string

// put adds rows to what stands left of them.
func (c canvas) put(at rect, rows []string) {
	for i := range min(len(rows), at.H) {
		if at.X > 0 {
			c[at.Y+i] += screen.MoveToColumn(at.X)
		}
		c[at.Y+i] += rows[i]
	}
}

// sideRows returns the rows of the side panes, one pane under the other.
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
		rows = append(rows, m.current.Voting.Pane.Rows()...)
	}
	return rows
}

// drawList puts the composer's list, under a heading, over the rows above the status line.
func (m *model) drawList(rows canvas) {
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
	for i, row := range append([]string{heading.String()}, m.current.Draft.ListRows(at.W)...) {
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

// rule returns a line across the screen, with a tee where the divider meets it.
func (m *model) rule(tee sanitize.SafeText) string {
	t := m.th
	r := t.Row(m.width)
	if m.lay.Divider.shown() {
		r.FillTo(t.Dim, t.HRule, m.lay.Divider.X).Put(t.Dim, tee)
	}
	return r.FillTo(t.Dim, t.HRule, m.width).String()
}

// dividerRows returns the line between the messages and the side, with a tee where the side's rule
// meets it.
func dividerRows(t *theme.Theme, l layout) []string {
	rows := make([]string, l.Divider.H)
	for i := range rows {
		rows[i] = t.Dim.Render(t.VRule)
	}
	if at := l.SideRule.Y - l.Divider.Y; l.SideRule.shown() && at < len(rows) {
		rows[at] = t.Dim.Render(t.Tee)
	}
	return rows
}

// tooSmallRows returns what a window shows in which nothing has room.
func tooSmallRows(t *theme.Theme, width, height int) []string {
	var rows []string
	text := sanitize.Linef("p2pchat needs %d x %d cells; this window has %d x %d", minWidth, minHeight, width, height)
	for _, part := range text.Wrap(max(width, 2)) {
		if len(rows) < height && part.Width() <= width {
			rows = append(rows, t.Dim.Render(part))
		}
	}
	return rows
}
