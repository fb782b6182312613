// Package tui is the screen of p2pchat: the root Bubble Tea model over a running node (DESIGN.md §7).
//
//	node ── Post ──▶ event.Queue ── Batch, one a frame ──▶ model.Update ── Frame ──▶ tui/screen
//	keys ──────────────────────────────────────────▶ model.Update
//	model.Update ── orders, one after the other ──▶ node, command.Table ── answers ──▶ event.Queue
//
// The model asks a small interface of the node (Node) and never waits for it: whatever a person asks
// for goes through one queue with one goroutine (orders.go), so that lines and commands keep the
// order in which they were typed, and answers come back through the queue like everything else. What
// waits for the disk has a queue of its own, so that no line waits for a search or an export.
// There is no I/O in Update, and no timer but one (alarm.go).
//
// Where things are is decided in layout.go, which key does what in keys.go, and nowhere else. The
// panes are packages of their own: small pointer structs that belong to the model and take no
// messages of Bubble Tea.
package tui

import (
	"context"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/screen"
	"chat.lan/p2pchat/tui/theme"
)

// Node is what the screen asks of a running participant; *node.Node implements it.
type Node interface {
	command.Node
	// Typing tells peers that one is writing, or has stopped.
	Typing(on bool)
	// History returns at most max lines that stand before a place, nearest last; the zero Place is the
	// end. None: there are no more. Search does so for lines that contain text. Both wait for the disk.
	History(ctx context.Context, before event.Place, max int) ([]event.Line, error)
	Search(ctx context.Context, text string, before event.Place, max int) ([]event.Line, error)
	// WaitDelivered returns when all linked peers have acknowledged what was sent.
	WaitDelivered(ctx context.Context) error
}

// Config says what a Screen is made of. Commands must be set, and is added to.
type Config struct {
	Commands      *command.Table
	Log           command.Log // nil when there is none
	Look          theme.Look
	InviteCommand string           // the command that starts somebody who meets this one, but for the name; "" means p2pchat start
	In, Out       *os.File         // the terminal; nil means standard input and output
	Now           func() time.Time // nil means time.Now
	Zone          *time.Location   // nil means the machine's
}

// frame is the least time between two batches of events: 1/60 s. Bubble Tea handles one message at a
// time, so that a message for each event would cost a flood more than the events themselves.
const frame = time.Second / 60

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
	return &Screen{cfg: cfg, group: g, events: events, recent: &recentErrors{log: cfg.Log}}
}

// Run shows the screen until the person leaves, and returns nil then: what was said has been
// acknowledged, or had its time. Otherwise it returns what screen.Screen.Run does: the cause of ctx,
// a *group.Panic, or that the terminal has gone. The terminal has been given back in any case.
func (s *Screen) Run(ctx context.Context, n Node) error {
	defer s.events.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	scr := screen.New(screen.Options{In: s.cfg.In, Out: s.cfg.Out, ReportFocus: true})
	actions, reads, timer := newSerialWorker(), newSerialWorker(), newTimer(s.events.Post)
	m := newModel(s.cfg, deps{node: n, terminal: scr, queueAction: actions.add, queueRead: reads.add, post: s.events.Post, wakeAt: timer.set, recent: s.recent})
	// These end with ctx, so with Run; the group waits for them.
	s.group.Go("tui/events", func(context.Context) { s.events.Run(ctx, frame, func(b event.Batch) { scr.Send(b) }) })
	s.group.Go("tui/actions", func(context.Context) { actions.run(ctx) })
	s.group.Go("tui/reads", func(context.Context) { reads.run(ctx) })
	s.group.Go("tui/timer", func(context.Context) { timer.run(ctx) })
	_, err := scr.Run(ctx, m)
	return err
}

// terminal is what the model asks of the screen; *screen.Screen implements it.
type terminal interface {
	Copy(text string) error
	Bell()
	SetMouse(on bool)
}

// suspend is the command behind Ctrl+Z.
func suspend() tea.Msg { return tea.SuspendMsg{} }
