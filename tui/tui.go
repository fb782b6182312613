// Package tui is the screen of p2pchat: the root Bubble Tea model over a running node.
//
//	node ── Post ──▶ event.Queue ──▶ tui/screen ── Batch, one a frame ──▶ model.Update
//	keys ──────────────────────────▶ tui/screen ── tea.KeyMsg ──────────▶ model.Update
//	tui/screen ── to draw ──▶ model.Frame
//	model.Update ── queue of actions ──▶ node, command.Table ── answers ──▶ event.Queue
//
// The model never waits for the node. What a person asks for goes through one queue with one
// goroutine, so that messages and commands keep the order in which they were typed. Bubble Tea would
// run its commands beside each other. Answers come back through the event queue. Reads from disk have a
// queue of their own, so that no message waits for a search or an export. There is no I/O in Update,
// and only one timer.
//
// Everything about one room is a conversation.Conversation. The model holds a list of them, of which
// it shows the current one. Only conversationOf (model.go) routes events to them.
//
// The layout is decided in layout.go, the keys in keys.go, and nowhere else. A mode (quit, the propose
// dialog, the search prompt) gets each key first, and keeps it. The panes are packages of their own:
// small pointer structs that belong to the model and take no messages of Bubble Tea.
//
// Of Bubbles, the key table uses key, the overlays' scroll position viewport, the search prompt
// textinput, and the bars progress. Rows are drawn by tui/theme: the View of a bubble measures text
// by Lip Gloss's widths and costs a hundred times as much. The menu of F4 is no list of Bubbles,
// because its two rows wrap in a narrow window and a list's items all have one height.
package tui

import (
	"context"
	"os"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/screen"
	"chat.lan/p2pchat/tui/theme"
)

// Config says what a Screen is made of. Commands and Log must be set; Commands is added to.
type Config struct {
	Commands      *command.Table
	Log           command.Log
	Look          theme.Look
	InviteCommand string           // starts a second peer that finds this one, but for its name; "" means p2pchat start
	In, Out       *os.File         // the terminal; nil means standard input and output
	Now           func() time.Time // nil means time.Now
	Zone          *time.Location   // nil means the machine's
}

// Screen is the full-screen program. Run is called once.
type Screen struct {
	cfg    Config
	group  *group.Group
	events *event.Queue
	recent *recentErrors
}

// New returns a Screen that reads events and whose goroutines will live in g. It doesn't touch the
// terminal: Run does.
func New(g *group.Group, events *event.Queue, cfg Config) *Screen {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	return &Screen{cfg: cfg, group: g, events: events, recent: &recentErrors{Log: cfg.Log}}
}

// Run shows the screen until the person quits, and returns nil then: messages have been acknowledged,
// or had their time. Otherwise it returns the error of screen.Screen.Run: the cause of ctx, a
// *group.Panic, or that the terminal has gone. Run restores the terminal in any case.
func (s *Screen) Run(ctx context.Context, n command.LocalPeer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	scr := screen.New(s.cfg.In, s.cfg.Out)
	actions, reads := event.NewQueue(), event.NewQueue()
	timer := time.AfterFunc(time.Hour, func() { s.events.Post(timerFired{}) })
	defer timer.Stop()
	m := newModel(s.cfg, deps{
		node: n, terminal: scr, post: s.events.Post, recent: s.recent,
		queueAction: func(f func(context.Context)) { actions.Post(f) },
		queueRead:   func(f func(context.Context)) { reads.Post(f) },
		wakeAt:      func(at time.Time) { timer.Reset(time.Until(at)) },
	})
	// These end with ctx, so with Run; the group waits for them.
	s.group.Go("tui/actions", func(context.Context) { runQueued(ctx, actions) })
	s.group.Go("tui/reads", func(context.Context) { runQueued(ctx, reads) })
	return scr.Run(ctx, m, s.events)
}

// runQueued calls the functions in a queue one after the other, until ctx ends.
func runQueued(ctx context.Context, q *event.Queue) {
	q.Run(ctx, 0, func(batch event.Batch) {
		for _, f := range batch {
			if ctx.Err() == nil {
				f.(func(context.Context))(ctx)
			}
		}
	})
}

// timerFired is what the timer posts when the model next has something to do by itself. Nothing else
// wakes the program, so that an idle one uses no CPU.
type timerFired struct{}

// LatestKey implements event.Latest: only the newest waits.
func (timerFired) LatestKey() string { return "tui/timer" }

// terminal is what the model asks of the screen; *screen.Screen implements it.
type terminal interface {
	Copy(text string) error
	Bell()
	SetMouse(on bool)
}
