package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"chat.lan/p2pchat/net/group"
)

// showWindow shows the peers in a new window of the tmux that we run in, until they have ended. The
// server is the user's, so only the window's own settings change.
func showWindow(g *group.Group, cfg Config, c *peers, t *tmux) (err error) {
	w := &window{tmux: t}
	defer func() { err = cmp.Or(err, dismiss(w.processes(), leaveTime)) }()
	create := []string{"new-window", "-n", "p2pchat demo"}
	// Beside the window in which the demo was started, even if another window is active by now.
	if here, err := t.do([]string{"display-message", "-p", "-t", os.Getenv("TMUX_PANE"), "#{window_id}"}); err == nil {
		create = append(create, "-a", "-t", strings.TrimSpace(here))
	}
	prefix, _ := t.do([]string{"show-options", "-gv", "prefix"})
	fmt.Fprintf(cfg.Stdout, "The demo has a window of its own; %.10s and an arrow goes to another person there, /quit leaves.\n"+
		"It ends with its last person, or by Ctrl+C here.\n", strings.TrimSpace(prefix))
	if err := w.open(c, create, true); err != nil {
		return err
	}
	dog, err := startWatchdog(t, c.dir, "kill-window", "-t", w.id)
	if err != nil {
		return err
	}
	defer dog.stop()
	show := g.Child()
	defer show.Close()
	if cfg.Tour {
		show.Go("demo/tour", func(ctx context.Context) { tour(ctx, w, cfg.hurry) })
	}
	if left := waitEnded(g.Context(), w.processes()); len(left) > 0 && g.Context().Err() == nil {
		return errors.New("the demo's peers are still there")
	}
	return nil
}
