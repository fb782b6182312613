// Package demo shows p2pchat to a newcomer: a few real peers on this machine's loopback interface, side
// by side in tmux, each with a temporary profile.
//
//	Run ─┬─ session     a tmux server of its own, attached here; it ends when the user leaves
//	     ├─ window      already inside tmux: one more window there
//	     └─ transcript  --no-tmux: the same peers in line mode, their output merged
//
// peers knows the peers and how each is started. script is the tour's conversation; tour and transcript
// perform it. No process, socket or file stays behind, however the demo ends. It controls tmux (3.0 or
// later) by tmux's command line. The peers are this same program.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"chat.lan/p2pchat/net/group"

	"golang.org/x/term"
)

// Limits on the number of peers: a conversation needs two, and more than six don't fit on a screen.
const (
	MinPeers = 2
	MaxPeers = 6
)

// Config says what a demo shows, and where.
type Config struct {
	Peers   int    // MinPeers to MaxPeers
	Tour    bool   // type a conversation
	NoTmux  bool   // print the tour's conversation instead of opening screens
	Program string // the absolute path of p2pchat itself
	Called  string // what the user types to call it

	Stdin, Stdout *os.File

	hurry bool // tests: no pauses for a reader
}

// ErrNoTerminal reports that there is no terminal to draw on.
var ErrNoTerminal = errors.New("the demo draws on a terminal, and this is none: p2pchat demo --no-tmux prints a conversation instead")

// Run shows the demo until its last peer has ended or the user has detached. When g's context ends, it
// returns the cause. After it returns, no process that it started is running.
func Run(g *group.Group, cfg Config) (err error) {
	if cfg.Peers < MinPeers || cfg.Peers > MaxPeers {
		return fmt.Errorf("%d peers can't play: take %d to %d", cfg.Peers, MinPeers, MaxPeers)
	}
	path := ""
	if !cfg.NoTmux {
		if path, err = exec.LookPath("tmux"); err != nil {
			return noTmuxError(runtime.GOOS, cfg.Called)
		}
		if !term.IsTerminal(int(cfg.Stdin.Fd())) || !term.IsTerminal(int(cfg.Stdout.Fd())) {
			return ErrNoTerminal
		}
		if err := checkVersion(path); err != nil {
			return err
		}
	}
	c, err := newPeers(cfg)
	if err != nil {
		return err
	}
	defer func() {
		if g.Context().Err() != nil {
			err = context.Cause(g.Context()) // what the end interrupted is no error of its own
		}
		err = cmp.Or(err, c.remove())
		if err == nil && !cfg.NoTmux {
			_, err = fmt.Fprintln(cfg.Stdout, "The demo has ended and left nothing behind. To chat on your network:", cfg.Called, "start")
		}
	}()
	switch inside := newOuter(path); {
	case cfg.NoTmux:
		return transcribe(g, cfg, c)
	case inside != nil:
		return showWindow(g, cfg, c, inside)
	default:
		return showSession(g, cfg, c, newPrivate(path, c.dir))
	}
}
