package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// bellMode says when a line rings.
type bellMode string

// The modes, as /bell has them.
const (
	bellOff     bellMode = "off"
	bellMention bellMode = "mention"
	bellAll     bellMode = "all"
)

// batch takes in what was posted since the batch before. Lines that follow each other go to the pane
// at once.
func (m *model) handleBatch(b event.Batch) (cmd tea.Cmd) {
	var lines []event.Line
	ring := false
	flush := func() {
		if len(lines) > 0 {
			m.messages.Add(lines)
			lines = nil
		}
	}
	for _, msg := range b {
		switch msg := msg.(type) {
		case event.Said:
			ring = m.said(msg.Line) || ring
			lines = append(lines, msg.Line)
			continue
		case event.Sent:
			m.noted = true
			lines = append(lines, msg.Line)
			if msg.Peers == 0 {
				flush()
				m.messages.SetDelivered(event.Delivered{ID: msg.Line.ID})
			}
			continue
		}
		flush()
		switch msg := msg.(type) {
		case event.Event:
			m.handleEvent(msg)
		case command.Answer:
			m.showResult(msg)
		case timerFired:
			m.onTimer()
		case allDelivered:
			cmd = tea.Quit
		}
	}
	flush()
	if ring {
		m.deps.terminal.Bell()
	}
	return cmd
}

// said learns from a line and reports whether it rings.
func (m *model) said(l event.Line) (ring bool) {
	m.met = true
	peer, _ := m.peers.Peer(l.FromID)
	m.roster.NoteAuthor(l) // lines of those who aren't here any more come with the room's history
	m.typing.stopped(l.FromID)
	if l.Own || l.History || peer.Ignored {
		return false
	}
	return m.bell == bellAll || m.bell == bellMention && m.messages.Mentions(l.Text)
}

// event takes in everything but lines.
func (m *model) handleEvent(ev event.Event) {
	switch ev := ev.(type) {
	case event.Ready:
		m.ready = m.cfg.Now()
		m.setSelf(ev.Self)
	case event.SelfChanged:
		m.setSelf(ev.Self)
	case event.PeerChanged:
		m.peerChanged(ev)
	case event.PeerStats:
		m.peers.UpdateStats(ev.Peer)
		m.rates.count(m.cfg.Now(), ev.Peer)
	case event.Delivered:
		m.messages.SetDelivered(ev)
	case event.Typing:
		if !ev.Peer.Ignored {
			m.typing.heard(m.cfg.Now(), ev)
		}
	case event.Refused:
		m.messages.ReportRefused(ev)
	case event.Sync:
		m.sync = ev
		if m.behind = max(m.behind, ev.Missing); ev.Missing == 0 {
			m.behind = 0
		}
	case event.Saving:
		m.saved(ev)
	case event.Network:
		m.network = ev
	case event.Notice:
		m.notice(ev)
	case event.ProposalChanged, event.BallotCast, event.PolicyChanged, event.Differs, event.Gate:
		m.voteEvent(ev)
	}
}

func (m *model) setSelf(s event.Self) {
	m.self, m.ownName = s, sanitize.Name(s.Name)
	m.roster.NoteSelf(s)
	m.peers.SetSelf(s)
	m.messages.Relabel()
}

// peerChanged notes who came and went, and says so among the messages: what was said before and
// after is then seen with who could hear it.
func (m *model) peerChanged(ev event.PeerChanged) {
	p := ev.Peer
	before, _ := m.peers.Peer(p.ID)
	m.roster.NotePeer(p)
	m.peers.SetPeer(p)
	if !p.Present() || p.Ignored {
		m.typing.stopped(p.ID)
	}
	if !p.Present() {
		m.rates.forget(p.ID)
	}
	if before.Ignored != p.Ignored {
		m.messages.SetIgnored(p.ID, p.Ignored)
	}
	m.messages.Relabel()
	if p.Present() != before.Present() {
		m.redraft()
	}

	label := m.label(p)
	switch {
	case ev.Renamed != "":
		m.noted = true
		m.messages.ReportRename(p.ID, sanitize.Name(ev.Renamed), label)
	case p.Present() && !before.Present():
		m.arrived(p, label)
	case p.State == event.Left && before.Present():
		m.note(event.Info, wording.Left(label))
	case p.State == event.Lost && before.Present():
		m.note(event.Warning, m.phrases().Lost(label))
	}
}

// arrived says that somebody is here, and to whom this is the first one, what to do next.
func (m *model) arrived(p event.Peer, label sanitize.SafeText) {
	m.note(event.Info, wording.Arrived(label, p))
	if !m.met {
		m.met = true
		m.note(event.Info, wording.FirstSteps())
	}
}

// notice shows a sentence for the person and keeps it for /log: errors in the status line, the rest
// among the messages.
func (m *model) notice(n event.Notice) {
	text := m.withHint(n.Text, n.Hint)
	switch n.Level {
	case event.Info:
		m.note(event.Info, text)
		return
	case event.Warning:
		if m.status.last != text { // retries say the same again
			m.note(event.Warning, text)
			m.status.last = text
		}
	default:
		m.status.fail(m.cfg.Now(), text)
	}
	m.rememberError(text)
}

// keep remembers an error or a warning for /log.
func (m *model) rememberError(text sanitize.SafeText) {
	m.deps.recent.add(sanitize.Linef("%s %s", m.now().Format("15:04:05"), text))
}

// phrases returns the sentences as the screen has them.
func (m *model) phrases() wording.Phrases {
	return wording.Phrases{Name: m.voter, Most: 5, Dot: m.th.Dot}
}

// withHint joins cause and next step in one row.
func (m *model) withHint(text, hint string) sanitize.SafeText {
	return sanitize.Line(wording.WithHint(text, hint, m.th.Dot.String()))
}

// fail shows why something wasn't done, and keeps it for /log.
func (m *model) fail(text, hint string) {
	line := m.withHint(text, hint)
	m.status.fail(m.cfg.Now(), line)
	m.rememberError(line)
}

// note puts a sentence among the messages.
func (m *model) note(level event.Level, text sanitize.SafeText) {
	m.noted = true
	m.messages.AddNotice(level, text)
}
