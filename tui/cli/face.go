package cli

import (
	"context"
	"os"

	"golang.org/x/term"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/lines"

	// It has to be imported by main to be initialised before Bubble Tea is.
	_ "chat.lan/p2pchat/tui/background"
)

// face is how a start shows itself: a screen, lines or JSON.
type face struct {
	run   func(ctx context.Context, n *node.Node) error
	close func(ctx context.Context) error
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

// screen reports whether there is a terminal to draw a screen on, and nobody asked for lines.
func (o *options) screen() bool {
	return !o.noTUI && !o.json && !o.ask && os.Getenv("TERM") != "dumb" &&
		term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// face is the one that the flags and the terminal ask for. It reads events; its goroutines live in g.
func (o *options) face(g *group.Group, events *event.Queue, log *profile.Log) (face, error) {
	look, err := tui.DetectLook(o.theme, o.ascii, os.Getenv)
	if err != nil {
		return face{}, &usageError{err.Error(), "as in --theme light"}
	}
	if o.screen() {
		s := tui.New(g, events, tui.Config{Commands: command.New(), Log: log, Look: look, InviteCommand: o.another(calledHere())})
		return face{close: func(context.Context) error { return nil },
			run: func(ctx context.Context, n *node.Node) error { return s.Run(ctx, n) }}, nil
	}
	m := lines.Start(g, o.mode(log))
	deliver(g, events, m.Post)
	return face{close: m.Close,
		run: func(ctx context.Context, n *node.Node) error {
			if o.talk != nil {
				o.meet(g, n, !o.noDiscovery)
			}
			return m.Run(ctx, n)
		}}, nil
}
