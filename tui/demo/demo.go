// Package demo shows p2pchat to somebody who has never seen it: a few real peers on this machine's
// loopback, side by side in tmux, each with a temporary profile.
//
//	Run ─┬─ session     a tmux server of its own, attached here; it ends when the person leaves
//	     ├─ window      already inside tmux: one more window there
//	     └─ transcript  --no-tmux: the same peers in line mode, their output merged
//
// cast says who plays and how each is started; script is what the tour has them say, tour and
// transcript perform it. Whatever way it ends, nothing stays behind: no process, socket or file.
// Only tmux is talked to, by its command line (3.0 or later); the peers are this same program.
package demo

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"chat.lan/p2pchat/net/group"

	"golang.org/x/term"
)

// How many may play: one alone has nobody to talk to, and more than six don't fit on a screen.
const (
	MinPeers = 2
	MaxPeers = 6
)

// Config is what a demo shows, and where.
type Config struct {
	Peers   int    // MinPeers to MaxPeers
	Tour    bool   // type a conversation
	NoTmux  bool   // print the tour's conversation instead of opening screens
	Program string // the absolute path of p2pchat itself
	Called  string // what the person types to call it; "" means p2pchat

	Stdin, Stdout *os.File

	hurry bool // tests: no pauses for a reader
}

// ErrNoTerminal says that there is nothing to draw on.
var ErrNoTerminal = errors.New("the demo draws on a terminal, and this is none: p2pchat demo --no-tmux prints a conversation instead")

// Run shows the demo until its last peer has ended, the person detached, or g's context ended, of
// which it then returns the cause. Nothing that it started runs any more when it returns.
func Run(g *group.Group, cfg Config) (err error) {
	if cfg.Peers < MinPeers || cfg.Peers > MaxPeers {
		return fmt.Errorf("%d peers can't play: take %d to %d", cfg.Peers, MinPeers, MaxPeers)
	}
	path := ""
	if !cfg.NoTmux {
		if path, err = exec.LookPath("tmux"); err != nil {
			return missing(runtime.GOOS, cmp.Or(cfg.Called, "p2pchat"))
		}
		if !term.IsTerminal(int(cfg.Stdin.Fd())) || !term.IsTerminal(int(cfg.Stdout.Fd())) {
			return ErrNoTerminal
		}
		if err := checkVersion(path); err != nil {
			return err
		}
	}
	c, err := newCast(cfg)
	if err != nil {
		return err
	}
	defer func() {
		if removed := c.remove(); err == nil {
			err = removed
		}
		if err == nil && !cfg.NoTmux {
			_, err = fmt.Fprintln(cfg.Stdout, "The demo has ended and left nothing behind. To chat on your network:", cmp.Or(cfg.Called, "p2pchat"), "start")
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
