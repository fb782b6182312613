package tui

import (
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// overlayKind is what a sheet shows.
type overlayKind int

const (
	overlayNone overlayKind = iota
	overlayHelp
	overlayAnswer // of a command
	overlayPeer
	overlayInspector
	overlayVote
	overlayPropose
)

// sheet is what lies over the end of the messages until Esc: the help, an answer of several lines, a
// peer's details, the inspector. It takes no keys but Esc and paging, so that one can go on typing
// with it in sight.
type overlay struct {
	kind  overlayKind
	title sanitize.SafeText
	// rows are the content at a width, each row at most as wide.
	rows func(width int) []string
	top  int // first visible row
}

func (s *overlay) open() bool { return s.kind != overlayNone }

// height is how many rows the sheet would like, with its heading.
func (s *overlay) height(width int) int {
	if !s.open() {
		return 0
	}
	return len(s.rows(width)) + 1
}

// scroll moves what is shown by n rows; draw keeps it within the content.
func (s *overlay) scroll(n int) { s.top = max(s.top+n, 0) }

// minTitle is the cells of a sheet's title that hints don't take away.
const minTitle = 16

// draw is the sheet in a place: a heading that says how to close it, and the rows.
func (s *overlay) draw(t *theme.Theme, at rect) []string {
	if !at.shown() {
		return nil
	}
	content := s.rows(at.W)
	room := at.H - 1
	s.top = min(s.top, max(len(content)-room, 0))
	hints := []sanitize.SafeText{sanitize.Trusted(" Esc closes "), sanitize.Trusted(" Esc ")}
	if len(content) > room {
		of := sanitize.Linef("%d/%d", min(s.top+room, len(content)), len(content))
		hints = []sanitize.SafeText{sanitize.Linef(" PgUp PgDn %s %s Esc closes ", of, t.Dot), sanitize.Linef(" PgDn %s %s Esc ", of, t.Dot), sanitize.Linef(" %s ", of)}
	}
	hint := widest(at.W-min(s.title.Width(), minTitle)-6, hints...)
	r := t.Row(at.W).Put(t.Dim, t.HRule).Put(t.Dim, t.HRule).Space(t.Text, 1)
	r.PutWithin(t.Accent, s.title, max(at.W-hint.Width()-6, 8)).Space(t.Text, 1)
	if r.Left() >= hint.Width()+2 {
		r.FillTo(t.Dim, t.HRule, at.W-hint.Width()-2).Put(t.Dim, hint)
	}
	rows := []string{r.FillTo(t.Dim, t.HRule, at.W).String()}
	for i := range room {
		row := ""
		if s.top+i < len(content) {
			row = content[s.top+i]
		}
		rows = append(rows, row)
	}
	return rows
}

// show opens a sheet in the place of the one that is open.
func (m *model) show(kind overlayKind, title sanitize.SafeText, rows func(width int) []string) {
	m.overlay = overlay{kind: kind, title: title, rows: rows}
}

// showText opens a sheet with plain rows of text, wrapped.
func (m *model) showText(kind overlayKind, title sanitize.SafeText, text sanitize.SafeText) {
	m.show(kind, title, func(width int) []string {
		var rows []string
		for _, line := range text.Lines() {
			rest := strings.TrimLeft(line.String(), " ")
			indent := min(len(line.String())-len(rest), width/4) // what wraps stays under its own text
			for _, part := range sanitize.Line(rest).Wrap(max(width-2-indent, 2)) {
				rows = append(rows, m.th.Row(width).Space(m.th.Text, 1+indent).Put(m.th.Text, part).String())
			}
		}
		return rows
	})
}

// sheetAfterSend closes an answer that is done with once the next thing is sent.
func (m *model) sheetAfterSend() {
	if m.overlay.kind == overlayAnswer {
		m.overlay = overlay{}
	}
}

// showPeer opens the details of the selected peer.
func (m *model) showPeer() {
	if _, ok := m.peers.Selected(); !ok {
		return
	}
	m.show(overlayPeer, sanitize.Trusted("Peer"), func(width int) []string {
		t := m.th
		hint := sanitize.Trusted("v compares words, i ignores, @ mentions")
		switch now, _ := m.peers.Selected(); {
		case m.focus != panePeers:
			return m.peers.DetailRows(width)
		case now.Ignored:
			hint = sanitize.Trusted("v compares words, i listens again, @ mentions")
		}
		return append(m.peers.DetailRows(width), t.Row(width).String(), t.Row(width).Space(t.Text, 1).Put(t.Dim, hint).String())
	})
}

// inspect opens the inspector on the selected line, or closes it.
func (m *model) inspect() {
	if m.overlay.kind == overlayInspector {
		m.overlay = overlay{}
		return
	}
	m.show(overlayInspector, sanitize.Trusted("Inspector"), func(width int) []string {
		rows := m.messages.InspectorRows(width-2, maxInspector)
		for i, row := range rows {
			rows[i] = " " + row
		}
		return rows
	})
}

// maxInspector is the most rows that the inspector has.
const maxInspector = 200
