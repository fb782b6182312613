package cli

import (
	"context"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui/lines"

	"github.com/spf13/cobra"
)

// tailCommand is `p2pchat tail`: it takes part without saying anything, and prints what is said until a
// signal ends it.
func tailCommand(began *bool) *cobra.Command {
	o := options{beside: true}
	cmd := &cobra.Command{
		Use: "tail", Short: "Print what is said, until Ctrl+C",
		Long: "tail joins the room and prints what is said. --history N begins with the last N lines that the\n" +
			"profile remembers. While the profile is in use it joins as NAME-cli.",
		Args: words(0, 0), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			*began = true
			cfg, err := o.config(cmd.Flags(), nil)
			if err != nil {
				return err
			}
			o.special = o.tail
			return o.start(cfg, nil)
		},
	}
	o.flags(cmd)
	hideFlags(cmd, "no-tui", "theme", "ascii", "ask")
	return cmd
}

// hideFlags leaves out of the help what means nothing to a command.
func hideFlags(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		_ = cmd.Flags().MarkHidden(name)
	}
}

func (o *options) tail(g *group.Group, events *event.Queue, log *profile.Log) (face, error) {
	cfg := o.mode(log)
	cfg.In, cfg.Terminal = newSilence(), false
	m := lines.Start(g, cfg)
	deliver(g, events, m.Post)
	return face{close: m.Close,
		run: func(ctx context.Context, n *node.Node) error { return m.Run(ctx, n) }}, nil
}
