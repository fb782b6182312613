package tui

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// showAnswer shows the answer of a command: one row in the status line, more in an overlay.
func (m *model) showAnswer(a command.Answer) {
	switch a := a.(type) {
	case command.Info:
		m.showInfo(sanitize.Block(a.Text))
	case command.Fail:
		m.fail(a.Text, a.Hint)
	case command.List:
		m.showText(overlayAnswer, sanitize.Trusted("Peers"), m.peerList(a.Peers))
	case command.Status:
		m.showText(overlayAnswer, sanitize.Trusted("Status"), m.statusReport(a.Status))
	case command.Proposals:
		m.setFocus(paneProposals)
	case command.Save:
		m.deps.queueRead(func(context.Context) { m.deps.post(a.Write()) })
	case command.Quit:
		m.quit.start(m)
	}
}

// showInfo shows text of a command. A short first line becomes the overlay's title.
func (m *model) showInfo(text sanitize.SafeText) {
	lines := text.Lines()
	if len(lines) == 1 && text.Width() < m.width-2 {
		m.status.inform(m.cfg.Now(), text)
		return
	}
	title := sanitize.Trusted("Answer")
	if w := lines[0].Width(); w > 0 && w < 30 && len(lines) > 1 {
		title = lines[0]
	}
	m.showText(overlayAnswer, title, text)
}

// peerList formats the answer to /list, a row for each peer.
func (m *model) peerList(peers []event.Peer) sanitize.SafeText {
	if len(peers) == 0 {
		return sanitize.Trusted("No one yet. /connect HOST reaches peers that aren't found automatically.")
	}
	width := 0
	for _, p := range peers {
		width = max(width, m.label(p).Width())
	}
	var rows []string
	for _, p := range peers {
		at := ""
		if p.Addr.IsValid() {
			at = p.Addr.String()
		}
		words := append([]string{string(p.State)}, wording.PeerMarks(p)...)
		rows = append(rows, fmt.Sprintf("%s  %-21s  %s", m.label(p).Pad(width), at, strings.Join(words, ", ")))
	}
	return sanitize.Block(strings.Join(rows, "\n"))
}

// statusReport formats the answer to /status.
func (m *model) statusReport(s event.Status) sanitize.SafeText {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("you", "%s in #%s, up %s", sanitize.Name(s.Self.Name), sanitize.Line(s.Self.Room), s.Up.Round(time.Second))
	row("port", "%d", s.Self.Port)
	row("peers", "%s", wording.LinkCounts(s))
	row("room", "%d records, %s", s.Records, wording.RoomSize(s.Size))
	for _, e := range s.Size.NotKept {
		row("not kept", "%s", m.current.NotKept(e))
	}
	if len(s.Size.NotKept) > 0 {
		row("why", "%s", m.current.WhyFull(s.Size))
	}
	row("traffic", "%s", wording.Traffic(s))
	if !s.Discovery {
		row("discovery", "off")
	}
	for _, i := range s.Network.Interfaces {
		what := wording.InterfaceSummary(i)
		if i.Addr.IsValid() {
			what = i.Addr.String() + ": " + what
		}
		row(sanitize.Line(i.Name).String(), "%s", sanitize.Line(what))
	}
	if s.Network.Trouble != "" {
		row("in the way", "%s", m.withHint(s.Network.Trouble, s.Network.Hint))
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Dropped)) {
		row("dropped", "%d times: %s", s.Dropped[reason], sanitize.Line(reason))
	}
	return sanitize.Block(strings.TrimRight(b.String(), "\n"))
}
