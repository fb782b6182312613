package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"

	"github.com/spf13/cobra"
)

// maxSent bounds what is read from standard input: what a node takes at once.
const maxSent = 1 << 20

// sendCommand is `p2pchat send`: it joins, says one thing to whoever is there, and leaves. It ends with 0
// once a peer has it, and with 1 if nobody came.
func sendCommand(began *bool) *cobra.Command {
	o := options{beside: true}
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "send TEXT...", Short: "Say one thing to whoever is there, and leave",
		Long: "send joins the room, says TEXT (- reads it from standard input) and leaves once a peer has it.\n" +
			"It ends with 1 if nobody came in time: then nothing was said. While the profile is in use it\n" +
			"joins as NAME-cli.",
		Args: words(1, math.MaxInt), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			*began = true
			text := strings.Join(args, " ")
			if text == "-" {
				read, err := io.ReadAll(io.LimitReader(os.Stdin, maxSent+1))
				if err != nil {
					return fmt.Errorf("standard input can't be read: %w", err)
				}
				text = strings.TrimRight(string(read), "\r\n")
			}
			if strings.TrimSpace(text) == "" {
				return &usageError{"there is nothing to say", "write p2pchat send TEXT"}
			}
			if wait <= 0 {
				return &usageError{fmt.Sprintf("--wait %v is no time to wait", wait), "write --wait 10s, for one"}
			}
			cfg, err := o.config(cmd.Flags(), nil)
			if err != nil {
				return err
			}
			s := sending{text: text, wait: wait, delivered: map[string]bool{}, more: make(chan struct{}, 1)}
			o.special = func(g *group.Group, events *event.Queue, _ *profile.Log) (face, error) {
				deliver(g, events, s.post)
				return face{run: s.run, close: func(context.Context) error { return nil }}, nil
			}
			return o.start(cfg, nil)
		},
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Second, "wait so long for somebody to have it: `TIME`")
	hideFlags(cmd, "no-tui", "theme", "ascii", "ask", "json", "history")
	return cmd
}

// Errors of send.
var (
	errNobody  = errors.New("nobody came: nothing was said")
	errUnheard = errors.New("nobody has acknowledged it: it is kept, and goes to whom this profile meets next")
)

// sending is the face of a start that says one thing.
type sending struct {
	text string
	wait time.Duration
	more chan struct{} // of size 1: there is more in delivered

	mu        sync.Mutex
	delivered map[string]bool // guarded by mu; ids of the pieces of text that somebody has
}

func (s *sending) post(ev event.Event) {
	switch ev := ev.(type) {
	case event.Delivered:
		if ev.Peers == 0 {
			return
		}
		s.mu.Lock()
		s.delivered[ev.ID] = true
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
	case event.Notice:
		if ev.Level == event.Error {
			complain(errors.New(ev.Text))
		}
	}
}

func (s *sending) run(ctx context.Context, n *node.Node) error {
	limited, cancel := context.WithTimeoutCause(ctx, s.wait, errNobody)
	defer cancel()
	if err := n.WaitWritable(limited); err != nil {
		return ended(ctx, err)
	}
	if err := n.Say(s.text); err != nil {
		return err
	}
	reach, _ := n.WhoHas() // the last piece of it
	for {
		s.mu.Lock()
		done := s.delivered[reach.Line.ID]
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-s.more:
		case <-limited.Done():
			return ended(ctx, errUnheard)
		}
	}
}

// ended is why ctx ended, if it did, else err.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errNobody
	}
	return err
}
