package conversation

import (
	"context"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

const (
	backfillPage = 200   // messages fetched at a time
	toStartPage  = 5_000 // on the way to the first message
)

// backfill is the state of fetching the room's history from disk.
type backfill struct {
	ready   bool        // the node can be asked
	oldest  event.Place // the oldest message that was fetched; zero: none yet
	loading bool
	toStart bool // on the way to the first message
	done    bool // there is no more, or it can't be read
}

// StartBackfill allows reads from disk: the node runs.
func (c *Conversation) StartBackfill() { c.backfill.ready = true }

// RequestBackfill fetches the next page when the reader comes near the oldest message that is loaded.
func (c *Conversation) RequestBackfill() {
	b := &c.backfill
	if !b.ready || b.loading || b.done || !c.Messages.WantsOlder() {
		return
	}
	b.loading = true
	before, size := b.oldest, backfillPage
	if b.toStart {
		size = toStartPage
	}
	c.cfg.Screen.QueueRead(func(ctx context.Context) func() {
		lines, err := c.cfg.Node.History(ctx, before, size)
		return func() { c.addPage(lines, err) }
	})
}

// addPage puts a page of older messages above those that are loaded.
func (c *Conversation) addPage(lines []event.Line, err error) {
	b := &c.backfill
	b.loading = false
	switch {
	case err != nil:
		b.done = true
		c.cfg.Screen.Fail(wording.HistoryUnreadable(err), "/status says more")
	case len(lines) == 0:
		b.done = true
		c.Messages.AddOlder(nil)
	default:
		b.oldest = lines[0].Place
		for _, l := range lines {
			c.cfg.Roster.NoteAuthor(l)
		}
		c.Messages.AddOlder(lines)
		c.noted = true
	}
	switch {
	case !b.toStart:
	case err != nil:
		b.toStart = false // the error stays in the status line
	default:
		c.cfg.Screen.ClearStatus()
		c.continueToStart()
	}
	c.Search.resume()
}

// ScrollToStart goes to the first message of the room, or to the oldest message that there is memory
// for. That takes a moment in a long room; StopScrolling ends it.
func (c *Conversation) ScrollToStart() {
	c.backfill.toStart = true
	c.continueToStart()
}

// StopScrolling ends ScrollToStart, and stays where it has come to.
func (c *Conversation) StopScrolling() {
	if c.backfill.toStart {
		c.backfill.toStart = false
		c.cfg.Screen.ClearStatus()
	}
}

func (c *Conversation) continueToStart() {
	b := &c.backfill
	c.Messages.ScrollToStart()
	b.toStart = !b.done && c.Messages.OlderCapacity() > 0
	switch {
	case b.toStart:
		c.cfg.Screen.Inform(sanitize.Trusted("Loading earlier messages"))
	case !b.done:
		c.cfg.Screen.Inform(sanitize.Trusted("Older messages: Ctrl+F searches them, p2pchat export has them all"))
	}
}
