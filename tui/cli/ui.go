package cli

import (
	"context"
	"os"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/lines"

	"github.com/muesli/cancelreader"
	"golang.org/x/term"
)

// ui is a run's user interface: a screen, lines, JSON, or what a command like send puts in their place.
type ui struct {
	run   func(ctx context.Context, n *node.Node) error // returns when the user leaves or ctx ends
	close func(ctx context.Context) error               // writes out the output that waits, until ctx ends
}

// deliver hands each event to post, which may block, until g ends.
func deliver(g *group.Group, events *event.Queue, post func(event.Event)) {
	g.Go("events", func(ctx context.Context) {
		events.Run(ctx, 0, func(batch event.Batch) {
			for _, ev := range batch {
				post(ev.(event.Event))
			}
		})
	})
}

// wantsScreen reports whether there is a terminal to draw a screen on, and no flag asks for lines.
func (f *flags) wantsScreen() bool {
	return !f.noTUI && !f.json && !f.ask && os.Getenv("TERM") != "dumb" &&
		term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// newUI starts the user interface that the flags and the terminal ask for. It reads events; its
// goroutines live in g. talk is the two-person conversation of --ask, or nil.
func (f *flags) newUI(g *group.Group, events *event.Queue, log *profile.Log, talk *lines.TwoPerson) (ui, error) {
	look, err := tui.DetectLook(f.theme, f.ascii, os.Getenv)
	if err != nil {
		return ui{}, &usageError{err.Error(), "as in --theme light"}
	}
	if f.wantsScreen() {
		s := tui.New(g, events, tui.Config{Commands: command.New(), Log: log, Look: look, InviteCommand: f.inviteCommand(programName())})
		return ui{close: func(context.Context) error { return nil },
			run: func(ctx context.Context, n *node.Node) error { return s.Run(ctx, n) }}, nil
	}
	cfg := f.lineConfig(log)
	cfg.TwoPerson = talk
	return f.startLines(g, events, cfg), nil
}

// startLines starts line or JSON mode.
func (f *flags) startLines(g *group.Group, events *event.Queue, cfg lines.Config) ui {
	m := lines.Start(g, cfg)
	deliver(g, events, m.Post)
	return ui{close: m.Close, run: func(ctx context.Context, n *node.Node) error {
		if cfg.TwoPerson != nil {
			connectAnswered(g, n, cfg.TwoPerson, !f.noDiscovery)
		}
		return m.Run(ctx, n)
	}}
}

// lineConfig returns the configuration of line and JSON mode.
func (f *flags) lineConfig(log *profile.Log) lines.Config {
	cfg := lines.Config{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, JSON: f.json, Commands: command.New(), Log: log,
		History:  f.retention.history,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())), Dumb: os.Getenv("TERM") == "dumb"}
	// At the end of a run a read that waits for a key is interrupted. A file has no such reads.
	if in, err := cancelreader.NewReader(os.Stdin); err == nil {
		cfg.In = in
	}
	return cfg
}
