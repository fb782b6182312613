package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/conversation"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// handleBatch takes in the messages that were posted since the batch before.
func (m *model) handleBatch(b event.Batch) (cmd tea.Cmd) {
	for _, msg := range b {
		switch msg := msg.(type) {
		case event.Event:
			m.handleEvent(msg)
		case command.Answer:
			m.showAnswer(msg)
		case screenRequest:
			msg(m)
		case timerFired:
			m.onTimer()
		case allDelivered:
			cmd = tea.Quit
		}
	}
	for _, c := range m.conversations {
		c.EndBatch()
	}
	return cmd
}

// handleEvent takes in an event about the process, and hands an event about a room to its conversation.
func (m *model) handleEvent(ev event.Event) {
	switch ev := ev.(type) {
	case event.Ready:
		m.ready = m.cfg.Now()
		m.setSelf(ev.Self)
		for _, c := range m.conversations {
			c.StartBackfill()
		}
	case event.SelfChanged:
		m.setSelf(ev.Self)
	case event.PeerChanged:
		m.updatePeer(ev)
	case event.PeerStats:
		m.peers.UpdateStats(ev.Peer)
		m.rates.count(m.cfg.Now(), ev.Peer)
	case event.Network:
		m.network = ev
	case event.Notice:
		m.notify(ev)
	case event.Flood:
		m.notify(wording.Flood(ev))
	default:
		m.conversationOf(ev.InRoom()).Handle(ev)
	}
}

func (m *model) setSelf(s event.Self) {
	m.self, m.ownName = s, sanitize.Name(s.Name)
	m.roster.NoteSelf(s)
	m.peers.SetSelf(s)
	for _, c := range m.conversations {
		c.Messages.Relabel()
	}
}

func (m *model) label(p event.Peer) sanitize.SafeText { return m.roster.Label(roster.ID(p.Key, p.ID)) }

// updatePeer notes which peers come and go, and says so among the messages: a reader then sees which
// peers could get the messages before and after.
func (m *model) updatePeer(ev event.PeerChanged) {
	p := ev.Peer
	before, _ := m.peers.Peer(p.ID)
	m.roster.NotePeer(p)
	m.peers.SetPeer(p)
	if !p.Present() {
		m.rates.forget(p.ID)
	}
	for _, c := range m.conversations {
		c.UpdatePeer(before, p)
	}
	if p.Present() != before.Present() {
		m.propose.refresh(m)
	}

	label := m.label(p)
	switch {
	case ev.Renamed != "":
		for _, c := range m.conversations {
			c.ReportRename(p.ID, sanitize.Name(ev.Renamed), label)
		}
	case p.Present() && !before.Present():
		m.addNotice(event.Info, wording.Arrived(label, p))
		if !m.hasMet() {
			m.met = true
			m.addNotice(event.Info, wording.FirstSteps()) // what to do next
		}
	case p.State == event.Left && before.Present():
		m.addNotice(event.Info, wording.Left(label))
	case p.State == event.Lost && before.Present():
		m.addNotice(event.Warning, wording.Phrases{}.Lost(label))
	}
}

// hasMet reports whether a peer was ever here, or a peer's message.
func (m *model) hasMet() bool { return m.met || m.current.HasCompany() }

// notify shows a sentence of the node and records it for /log: errors in the status line, alarms there and among the
// messages, the rest among the messages.
func (m *model) notify(n event.Notice) {
	text := m.withHint(n.Text, n.Hint)
	addNotice := m.addNotice
	if n.Room != "" {
		addNotice = m.conversationOf(n.Room).AddNotice
	}
	switch n.Level {
	case event.Info:
		addNotice(event.Info, text)
	case event.Alarm: // among the messages, in the status line, and by the bell
		addNotice(event.Alarm, text)
		m.fail(n.Text, n.Hint)
		if m.settings.Bell != conversation.BellOff {
			host{m}.Ring()
		}
	case event.Warning:
		if m.status.lastWarning != text { // each retry repeats it
			addNotice(event.Warning, text)
			m.status.lastWarning = text
		}
		m.recordError(text)
	default:
		m.fail(n.Text, n.Hint)
	}
}

// recordError records an error or a warning for /log.
func (m *model) recordError(text sanitize.SafeText) {
	m.deps.recent.add(sanitize.Linef("%s %s", m.now().Format("15:04:05"), text))
}

// withHint joins a cause and the next step in one row.
func (m *model) withHint(text, hint string) sanitize.SafeText {
	return sanitize.Line(wording.WithHint(text, hint, m.th.Dot.String()))
}

// addNotice puts a sentence about the process among the messages of every conversation.
func (m *model) addNotice(level event.Level, text sanitize.SafeText) {
	for _, c := range m.conversations {
		c.AddNotice(level, text)
	}
}
