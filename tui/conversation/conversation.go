// Package conversation is one room on the screen. It holds the room's messages, the draft of the next
// one, the votes, the search, how much history was fetched from disk, and the peers that are typing.
//
//	event of this room ──▶ Conversation.Handle ──▶ panes
//	key ──▶ tui ──▶ Draft, Search, Voting, Messages
//	scrolled to the top ──▶ disk ──▶ tui, in Update ──▶ Conversation.addPage, showMatches
//
// The screen may hold several conversations. Nothing in here knows about another conversation, nor
// about the layout. The status line, the queues and the terminal come through the interface Screen.
//
// A Conversation belongs to the program's Update and is not safe for concurrent use.
package conversation

import (
	"context"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/messages"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/votes"
)

// Screen is what all conversations share. Its methods are called from Update only.
type Screen interface {
	// Inform shows a sentence in the status line for some seconds.
	Inform(text sanitize.SafeText)
	// Fail shows why something was not done, and what to do about it, and records it for /log.
	Fail(text, hint string)
	// ClearStatus removes the sentence in the status line.
	ClearStatus()
	// ShowMatches lists search results above the draft, scrolled to the end.
	ShowMatches(title, rows sanitize.SafeText)
	// Ring rings the terminal's bell.
	Ring()
	// Queue runs f after what was queued before, outside Update.
	Queue(f func(ctx context.Context))
	// QueueRead runs read in a queue of its own, outside Update, and then, in Update, the function that read
	// returned.
	QueueRead(read func(ctx context.Context) (apply func()))
	// Reject shows, from any goroutine, that a queued action failed.
	Reject(err error)
}

// BellMode says when a message rings the bell.
type BellMode string

// The modes, named as /bell has them.
const (
	BellOff     BellMode = "off"
	BellMention BellMode = "mention"
	BellAll     BellMode = "all"
)

// Settings are the person's choices that hold in every conversation.
type Settings struct {
	Bell       BellMode
	HideTyping bool // peers don't see that the local peer is writing
}

// Config says what a Conversation is made of. All of it must be set.
type Config struct {
	Node     command.LocalPeer
	Screen   Screen
	Roster   *roster.Roster
	Theme    *theme.Theme
	Settings *Settings
	Self     func() event.Self
	OwnName  func() sanitize.SafeText // our name, sanitized once: every message is compared with it
	Complete func(before string, asked bool) []composer.Candidate
	Now      func() time.Time
	Zone     *time.Location
}

// Conversation is one room on the screen.
type Conversation struct {
	Room     event.RoomID // "" while it is not known
	Messages *messages.Pane
	Draft    *composer.Pane
	Search   *Search
	Voting   *Voting

	cfg      Config
	th       *theme.Theme
	backfill backfill
	typing   typing
	sync     event.Sync
	most     int // the most messages that sync missed since it missed none
	saving   event.Saving
	notKept  int // peers that didn't keep the last message

	received []event.Line // not yet given to Messages, so that many are added at once
	ring     bool         // one of received rings the bell
	heard    bool         // a message of a peer has ever been shown
	noted    bool         // a notice or a message of our own has ever been shown
}

// New returns a conversation without messages.
func New(cfg Config) *Conversation {
	c := &Conversation{cfg: cfg, th: cfg.Theme}
	c.Messages = messages.New(messages.Config{
		Theme: cfg.Theme, Roster: cfg.Roster, OwnName: cfg.OwnName, Now: cfg.Now, Zone: cfg.Zone,
	})
	c.Draft = composer.New(composer.Config{Theme: cfg.Theme, Complete: cfg.Complete, Hint: sanitize.Trusted("Say something, or / for commands")})
	c.Search = newSearch(c)
	c.Voting = &Voting{c: c, Pane: votes.New(votes.Config{Theme: cfg.Theme, Label: c.voter, Now: c.now})}
	c.typing.writers = map[string]writer{}
	return c
}

// SetTheme draws everything in another theme.
func (c *Conversation) SetTheme(th *theme.Theme) {
	c.th = th
	c.Messages.SetTheme(th)
	c.Draft.SetTheme(th)
	c.Voting.Pane.SetTheme(th)
}

// HasCompany reports whether a peer's message has ever been shown here.
func (c *Conversation) HasCompany() bool { return c.heard }

// IsEmpty reports whether no notice and no message of our own has ever been shown.
func (c *Conversation) IsEmpty() bool { return !c.noted }

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

// AddNotice puts a sentence among the messages.
func (c *Conversation) AddNotice(level event.Level, text sanitize.SafeText) {
	c.addReceived()
	c.noted = true
	c.Messages.AddNotice(level, text)
}

// ReportRename says among the messages that a peer has changed its name.
func (c *Conversation) ReportRename(id string, from, to sanitize.SafeText) {
	c.addReceived()
	c.noted = true
	c.Messages.ReportRename(id, from, to)
}

// UpdatePeer follows a change of a peer's state.
func (c *Conversation) UpdatePeer(before, now event.Peer) {
	c.addReceived()
	if !now.Present() || now.Ignored {
		delete(c.typing.writers, now.ID)
	}
	if before.Ignored != now.Ignored {
		c.Messages.SetIgnored(now.ID, now.Ignored)
	}
	c.Messages.Relabel()
}

// Timers calls wake with the times, of which some may be past, at which OnTimer has something to do.
func (c *Conversation) Timers(wake func(time.Time)) {
	c.typing.timers(wake)
	c.Voting.timers(wake)
}

// OnTimer does what is due.
func (c *Conversation) OnTimer(now time.Time) {
	c.expireTyping(now)
	if v := c.Voting; v.pending.Proposal != "" && !now.Before(v.pending.Until) {
		v.Sign()
	}
}

// now returns the time of day that this screen shows.
func (c *Conversation) now() time.Time { return c.cfg.Now().In(c.cfg.Zone) }
