package conversation

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// Handle takes in an event of this room. Messages are collected until another event or EndBatch,
// because the pane adds many at once for little more than it adds one.
func (c *Conversation) Handle(ev event.Event) {
	switch ev := ev.(type) {
	case event.Said:
		c.receive(ev.Line)
		return
	case event.Sent:
		c.noted = true
		c.received = append(c.received, ev.Line)
		if ev.Peers == 0 { // there is no peer to acknowledge it
			c.addReceived()
			c.Messages.SetDelivered(event.Delivered{ID: ev.Line.ID})
		}
		return
	}
	c.addReceived()
	switch ev := ev.(type) {
	case event.Delivered:
		c.Messages.SetDelivered(ev)
		if ev.NotKept > c.notKept {
			c.AddNotice(event.Warning, c.phrases().WhyNotKept(ev))
		}
		c.notKept = ev.NotKept
	case event.NotKept:
		c.AddNotice(event.Warning, c.NotKept(ev))
	case event.Refused:
		c.Messages.ReportRefused(ev)
	case event.Unknown:
		c.cfg.Roster.NoteAuthor(event.Line{From: ev.From, FromID: ev.FromID, FromName: ev.FromName})
		if ev.First && !c.cfg.Roster.IsIgnored(ev.FromID) {
			c.AddNotice(event.Info, wording.Unshown(c.cfg.Roster.Label(roster.ID(ev.From, ev.FromID))))
		}
	case event.Typing:
		if !ev.Peer.Ignored {
			c.typing.receive(c.cfg.Now(), ev)
		}
	case event.Sync:
		c.sync = ev
		if c.most = max(c.most, ev.Missing); ev.Missing == 0 {
			c.most = 0
		}
	case event.Saving:
		for _, n := range c.phrases().Saving(c.saving, ev) {
			c.AddNotice(n.Level, n.Text)
		}
		c.saving = ev
	default:
		c.Voting.handle(ev)
	}
}

// EndBatch shows the messages that are still collected, and rings at most once for all of them.
func (c *Conversation) EndBatch() {
	c.addReceived()
	if c.ring {
		c.ring = false
		c.cfg.Screen.Ring()
	}
}

func (c *Conversation) addReceived() {
	if len(c.received) > 0 {
		c.Messages.Add(c.received)
		c.received = nil
	}
}

// receive collects a message, and decides whether it rings.
func (c *Conversation) receive(l event.Line) {
	c.heard = true
	c.received = append(c.received, l)
	c.cfg.Roster.NoteAuthor(l)
	delete(c.typing.writers, l.FromID)
	if l.Own || l.History || c.cfg.Roster.IsIgnored(l.FromID) {
		return
	}
	mode := c.cfg.Settings.Bell
	c.ring = c.ring || mode == BellAll || mode == BellMention && c.Messages.Mentions(l.Text)
}

// NotKept says whose messages weren't kept.
func (c *Conversation) NotKept(e event.NotKept) sanitize.SafeText {
	c.cfg.Roster.NoteVoters(e.Named()...)
	return c.phrases().NotKept(e)
}

// WhyFull says why messages weren't kept.
func (c *Conversation) WhyFull(s event.RoomSize) sanitize.SafeText { return c.phrases().WhyFull(s) }
