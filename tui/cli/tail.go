package cli

import (
	"io"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/profile"

	"github.com/spf13/cobra"
)

// newTailCommand returns `p2pchat tail`, which joins without sending and prints messages until a signal.
func newTailCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "tail", Short: "Print messages, until Ctrl+C",
		Long: "tail joins the room and prints messages. --history N begins with the last N lines that the\n" +
			"profile remembers. While the profile is in use it joins as NAME-cli.",
		Args: countArguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := f.nodeConfig(cmd.Flags(), nil)
			if err != nil {
				return err
			}
			r := run{flags: &f, cfg: cfg, newUI: f.newTailUI, fallback: true}
			return r.execute()
		},
	}
	f.addTo(cmd)
	hideFlags(cmd, "no-tui", "theme", "ascii", "ask")
	return cmd
}

// newTailUI starts line or JSON mode without input.
func (f *flags) newTailUI(g *group.Group, events *event.Queue, log *profile.Log) (ui, error) {
	cfg := f.lineConfig(log)
	cfg.In, cfg.Terminal = newIdleInput(), false
	return f.startLines(g, events, cfg), nil
}

// idleInput is an input without a writer: reads wait until Cancel.
type idleInput struct{ *io.PipeReader }

func newIdleInput() idleInput {
	r, _ := io.Pipe()
	return idleInput{r}
}

// Cancel ends Read, now and later.
func (i idleInput) Cancel() bool { return i.Close() == nil }
