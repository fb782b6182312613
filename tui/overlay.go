package tui

import (
	"math"
	"strings"

	"github.com/charmbracelet/bubbles/viewport"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// overlayKind is what an overlay shows.
type overlayKind int

const (
	overlayNone overlayKind = iota
	overlayHelp
	overlayAnswer // what a command answered
	overlayPeer
	overlayInspector
	overlayVote
	overlayPropose
)

// overlay covers the end of the messages until Esc: the help, an answer of several rows, a peer's
// details, the inspector. It takes no keys but Esc and paging, so that a person can type with it in
// sight. A viewport of Bubbles holds its scroll position.
type overlay struct {
	kind    overlayKind
	title   sanitize.SafeText
	rows    func(width int) []string // the content, no row wider than that
	content []string                 // rows at the width that the overlay has
	view    viewport.Model
}

func (o *overlay) isOpen() bool { return o.kind != overlayNone }

func (o *overlay) close() { *o = overlay{} }

// height returns how many rows the overlay would like at a width, with its heading. It draws the
// content anew.
func (o *overlay) height(width int) int {
	if !o.isOpen() {
		return 0
	}
	o.content = o.rows(width)
	o.view.SetContent(strings.Join(o.content, "\n"))
	return len(o.content) + 1
}

// setSize says what rows the overlay has got, and stays within the content.
func (o *overlay) setSize(at rect) {
	o.view.Width, o.view.Height = at.W, max(at.H-1, 0)
	o.scroll(0)
}

// scroll moves the content by n rows.
func (o *overlay) scroll(n int) { o.view.SetYOffset(o.view.YOffset + n) }

// scrollToEnd shows the end of the content, once that is known.
func (o *overlay) scrollToEnd() { o.view.YOffset = math.MaxInt / 2 }

// minTitle is how many cells of an overlay's title no hint takes.
const minTitle = 16

// draw returns the rows of the overlay: a heading that says how to close it, and the content.
func (o *overlay) draw(t *theme.Theme, at rect) []string {
	if !at.shown() {
		return nil
	}
	room, top := at.H-1, o.view.YOffset
	hints := []sanitize.SafeText{sanitize.Trusted(" Esc closes "), sanitize.Trusted(" Esc ")}
	if len(o.content) > room {
		of := sanitize.Linef("%d/%d", min(top+room, len(o.content)), len(o.content))
		hints = []sanitize.SafeText{sanitize.Linef(" PgUp PgDn %s %s Esc closes ", of, t.Dot), sanitize.Linef(" PgDn %s %s Esc ", of, t.Dot), sanitize.Linef(" %s ", of)}
	}
	hint := sanitize.FirstFitting(at.W-min(o.title.Width(), minTitle)-6, hints...)
	r := t.Row(at.W).Put(t.Dim, t.HRule).Put(t.Dim, t.HRule).Space(t.Text, 1)
	r.PutWithin(t.Accent, o.title, max(at.W-hint.Width()-6, 8)).Space(t.Text, 1)
	if r.Left() >= hint.Width()+2 {
		r.FillTo(t.Dim, t.HRule, at.W-hint.Width()-2).Put(t.Dim, hint)
	}
	rows := append(make([]string, 0, at.H), r.FillTo(t.Dim, t.HRule, at.W).String())
	rows = append(rows, o.content[top:min(top+room, len(o.content))]...)
	return append(rows, make([]string, at.H-len(rows))...)
}

// show opens an overlay in place of the one that is open.
func (m *model) show(kind overlayKind, title sanitize.SafeText, rows func(width int) []string) {
	m.overlay = overlay{kind: kind, title: title, rows: rows}
}

// showText opens an overlay with rows of text, wrapped.
func (m *model) showText(kind overlayKind, title, text sanitize.SafeText) {
	m.show(kind, title, func(width int) []string {
		var rows []string
		for _, line := range text.Lines() {
			label, rest := splitLabel(line, width/3)
			row := m.th.Row(width).Space(m.th.Text, 1).Put(m.th.Text, label)
			rows = append(rows, row.Wrap(row.Width(), max(width-1-row.Width(), 2), m.th.Text, rest)...)
		}
		return rows
	})
}

// splitLabel splits what stands at the beginning of a line before two spaces or more, such as "port         8080", from
// the rest. What wraps then stays under its own text. A label of more than most cells is none.
func splitLabel(line sanitize.SafeText, most int) (label, rest sanitize.SafeText) {
	text := line.String()
	end := len(text) - len(strings.TrimLeft(text, " "))
	if gap := strings.Index(text[end:], "  "); end == 0 && gap > 0 {
		end = gap + len(text[gap:]) - len(strings.TrimLeft(text[gap:], " "))
	}
	if label = sanitize.Line(text[:end]); label.Width() > most {
		end = min(len(text)-len(strings.TrimLeft(text, " ")), most)
		label = sanitize.Line(text[:end])
	}
	return label, sanitize.Line(text[end:])
}

// showPeer opens the details of the selected peer.
func showPeer(m *model) {
	if _, ok := m.peers.Selected(); !ok {
		return
	}
	m.show(overlayPeer, sanitize.Trusted("Peer"), func(width int) []string {
		rows := m.peers.DetailRows(width)
		if m.focus != panePeers {
			return rows
		}
		hint := sanitize.Trusted("v compares words, i ignores, @ mentions")
		if now, _ := m.peers.Selected(); now.Ignored {
			hint = sanitize.Trusted("v compares words, i listens again, @ mentions")
		}
		return append(rows, "", m.th.Row(width).Space(m.th.Text, 1).Put(m.th.Dim, hint).String())
	})
}

// maxInspector is the most rows that the inspector has.
const maxInspector = 200

// toggleInspector opens the inspector on the selected message, or closes it.
func toggleInspector(m *model) {
	if m.overlay.kind == overlayInspector {
		m.overlay.close()
		return
	}
	m.show(overlayInspector, sanitize.Trusted("Inspector"), func(width int) []string {
		rows := m.current.Messages.InspectorRows(width-2, maxInspector)
		for i, row := range rows {
			rows[i] = " " + row
		}
		return rows
	})
}

// openProposal opens a proposal in full.
func openProposal(m *model, id string) {
	m.show(overlayVote, sanitize.Trusted("Vote"), func(width int) []string {
		p, ok := m.current.Voting.Pane.Proposal(id)
		if !ok {
			return nil
		}
		return m.current.Voting.Pane.DetailRows(p, width)
	})
}
