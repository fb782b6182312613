package conversation

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// progress is how catching up with peers and saving on disk go.
type progress struct {
	sync   event.Sync
	most   int // the most messages that were missing since none was
	saving event.Saving
}

func (p *progress) setSync(s event.Sync) {
	p.sync = s
	if p.most = max(p.most, s.Missing); s.Missing == 0 {
		p.most = 0
	}
}

// Saving returns how saving the room on disk goes.
func (c *Conversation) Saving() event.Saving { return c.progress.saving }

// CatchUpText returns a bar of how far catching up is and the number of messages to come. It is empty
// when nothing is missing.
func (c *Conversation) CatchUpText() sanitize.SafeText {
	const cells = 10
	p := c.progress
	if p.sync.Missing == 0 {
		return sanitize.SafeText{}
	}
	done := cells * (p.most - p.sync.Missing) / max(p.most, 1) // a cell is full when all of it is done
	return sanitize.Linef("Catching up %s %d lines to come", c.th.Progress(done, cells), p.sync.Missing)
}

// reportSaving notes how saving the room goes, and reports changes among the messages.
func (c *Conversation) reportSaving(s event.Saving) {
	for _, n := range c.phrases().Saving(c.progress.saving, s) {
		c.AddNotice(n.Level, n.Text)
	}
	c.progress.saving = s
}
