package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"

	"github.com/spf13/cobra"
)

// maxInput is the most that send reads from standard input, in bytes: what a node takes in one call.
const maxInput = 1 << 20

// newSendCommand returns `p2pchat send`, which joins, sends one message and leaves. It exits with 0 once
// a peer has the message, and with 1 if no peer came.
func newSendCommand() *cobra.Command {
	var f flags
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "send TEXT...", Short: "Send one message to everyone here, and leave",
		Long: "send joins the room, says TEXT (- reads it from standard input) and leaves once a peer has it.\n" +
			"It ends with 1 if no one came in time: then nothing was sent. It ends with 1, too, if no one\n" +
			"acknowledged it in time: then it is kept, and goes out later. While the profile is in use it\n" +
			"joins as NAME-cli.",
		Args: countArguments(1, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := textToSend(args)
			if err != nil {
				return err
			}
			if wait <= 0 {
				return &usageError{fmt.Sprintf("--wait %v is no time to wait", wait), "write --wait 10s, for one"}
			}
			cfg, err := f.nodeConfig(cmd.Flags(), nil)
			if err != nil {
				return err
			}
			s := sender{text: text, wait: wait, acked: make(chan struct{}, 1)}
			r := run{flags: &f, cfg: cfg, fallback: true, goOn: true, newUI: func(g *group.Group, events *event.Queue, _ *profile.Log) (ui, error) {
				deliver(g, events, s.post)
				return ui{run: s.run, close: func(context.Context) error { return nil }}, nil
			}}
			return r.execute()
		},
	}
	f.addTo(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Second, "wait this long for someone to have it: `TIME`")
	hideFlags(cmd, "no-tui", "theme", "ascii", "ask", "json", "history")
	return cmd
}

// textToSend returns the text in the arguments, or in standard input if they are a dash.
func textToSend(args []string) (string, error) {
	text := strings.Join(args, " ")
	if text == "-" {
		read, err := io.ReadAll(io.LimitReader(os.Stdin, maxInput+1))
		if err != nil {
			return "", fmt.Errorf("standard input can't be read: %w", err)
		}
		text = strings.TrimRight(string(read), "\r\n")
	}
	if strings.TrimSpace(text) == "" {
		return "", &usageError{"there is nothing to say", "write p2pchat send TEXT"}
	}
	return text, nil
}

// Errors of send.
var (
	errNoPeer         = errors.New("no one came: nothing was sent")
	errUnacknowledged = errors.New("no one has acknowledged it: it is kept, and goes to the next peer that this profile meets")
)

// sender is the user interface of a run that sends one message.
type sender struct {
	text  string
	wait  time.Duration
	acked chan struct{} // holds at most one value: a peer has acknowledged something
}

// post notes acknowledgements and prints errors.
func (s *sender) post(ev event.Event) {
	switch ev := ev.(type) {
	case event.Delivered:
		select {
		case s.acked <- struct{}{}:
		default:
		}
	case event.Notice:
		if ev.Level == event.Error {
			printError(errors.New(ev.Text))
		}
	}
}

// confirmTime is how long send waits for its peers' view of the feed that it goes on with. A slow one costs a feed.
const confirmTime = 2 * time.Second

// run sends the text as soon as the room allows it, and returns once a peer has all of it.
func (s *sender) run(ctx context.Context, n *node.Node) error {
	limited, cancel := context.WithTimeoutCause(ctx, s.wait, errNoPeer)
	defer cancel()
	if err := n.WaitWritable(limited); err != nil {
		return err
	}
	confirm, stop := context.WithTimeout(limited, confirmTime)
	n.ConfirmFeed(confirm)
	stop()
	if err := n.Say(s.text); err != nil {
		return err
	}
	for {
		if reach, _ := n.WhoHas(); len(reach.Has) > 0 { // the last piece of the text, so all of it
			return nil
		}
		select {
		case <-s.acked:
		case <-limited.Done():
			return cmp.Or(context.Cause(ctx), errUnacknowledged)
		}
	}
}
