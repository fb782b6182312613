package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/demo"
	"chat.lan/p2pchat/tui/lines"

	"github.com/spf13/cobra"
)

// newDemoCommand returns `p2pchat demo`.
func newDemoCommand() *cobra.Command {
	cfg := demo.Config{Stdin: os.Stdin, Stdout: os.Stdout}
	cmd := &cobra.Command{
		Use: "demo", Short: "Show a few people chatting, side by side in tmux", Args: countArguments(0, 0),
		Long: "Alice, Bob and Charlie chat on this machine alone, side by side in tmux, each with a temporary profile.\n" +
			"Alt and an arrow goes from one to the other, /quit leaves, Ctrl+B d ends it all. Nothing stays behind.",
		RunE: func(*cobra.Command, []string) error { return runDemo(cfg) },
	}
	f := cmd.Flags()
	f.IntVar(&cfg.Peers, "peers", 3, fmt.Sprintf("how many people, `N` from %d to %d", demo.MinPeers, demo.MaxPeers))
	f.BoolVar(&cfg.Tour, "tour", false, "type a short conversation by itself")
	f.BoolVar(&cfg.NoTmux, "no-tmux", false, "print the tour's conversation instead of opening screens")
	return cmd
}

// runDemo checks the flags and runs a demo until it has ended.
func runDemo(cfg demo.Config) error {
	if cfg.Peers < demo.MinPeers || cfg.Peers > demo.MaxPeers {
		return &usageError{fmt.Sprintf("--peers %d is out of range", cfg.Peers), fmt.Sprintf("give a number from %d to %d", demo.MinPeers, demo.MaxPeers)}
	}
	var err error
	if cfg.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("the demo starts p2pchat, but the program's place is unknown: %w", err)
	}
	cfg.Called = programName()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	root := group.New(ctx, func(caught *group.Panic) {
		slog.Error(caught.Error(), "stack", string(caught.Stack)) // stderr is the only log here
	})
	defer root.Close()
	cancelOnSignal(root, cancel)
	err = demo.Run(root, cfg)
	if errors.Is(err, syscall.EPIPE) {
		return lines.ErrOutput
	}
	return err
}
