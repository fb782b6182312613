package conversation

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// Saving returns how saving the room on disk goes.
func (c *Conversation) Saving() event.Saving { return c.saving }

// CatchUpText returns a bar of how far catching up is and the number of messages to come. It is empty
// when nothing is missing.
func (c *Conversation) CatchUpText() sanitize.SafeText {
	const cells = 10
	missing := c.sync.Missing
	if missing == 0 {
		return sanitize.SafeText{}
	}
	done := cells * (c.most - missing) / c.most // a cell is full when all of it is done
	return sanitize.Linef("Catching up %s %d lines to come", c.th.Progress(done, cells), missing)
}

// reportSaving notes how saving the room goes, and reports changes among the messages.
func (c *Conversation) reportSaving(s event.Saving) {
	for _, n := range c.phrases().Saving(c.saving, s) {
		c.AddNotice(n.Level, n.Text)
	}
	c.saving = s
}
