package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/sanitize"

	"golang.org/x/term"
)

const (
	// meetTime is how long the peers may take to find each other, and to receive a message. It takes well
	// under a second.
	meetTime = 15 * time.Second
	// linePause is for a user who reads along. A file or a pipe needs none.
	linePause = 900 * time.Millisecond
	// quiet is how long no peer prints anything before the next one speaks.
	quiet = 60 * time.Millisecond
)

// linePeer is a peer in line mode.
type linePeer struct {
	name  string
	stdin io.WriteCloser
	cmd   *exec.Cmd
	lines []string // everything that it printed
	ended bool
	err   error // how it ended
}

// printed is a line from a peer, or its end.
type printed struct {
	who  int
	line string
	end  bool
	err  error
}

// transcript performs the script with real peers whose standard input is ours. It prints their output,
// each line with its peer's name.
type transcript struct {
	peers  []*linePeer
	out    io.Writer
	width  int
	colour bool
	pause  time.Duration
	lines  chan printed // never closed; each peer's goroutine sends the peer's end last
	count  int          // the number of lines so far
	failed error        // the first error of out
}

// transcribe runs a whole transcript. All peers have ended when it returns.
func transcribe(g *group.Group, cfg Config, c *peers) error {
	t := &transcript{out: cfg.Stdout, lines: make(chan printed)}
	if term.IsTerminal(int(cfg.Stdout.Fd())) {
		t.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		if !cfg.hurry {
			t.pause = linePause
		}
	}
	play := g.Child()
	defer func() {
		// Whatever happened, all peers leave: the end of their input is a /quit.
		for _, a := range t.peers {
			a.stdin.Close()
		}
		if t.failed != nil {
			t.out, t.failed = io.Discard, nil
		}
		if left := t.until(context.Background(), leaveTime, t.allEnded); left != nil {
			play.Stop() // interrupts and kills them
			_ = t.until(context.Background(), leaveTime, t.allEnded)
		}
		play.Close()
	}()
	for i := range c.names {
		if err := t.start(play, c.names[i], c.argv(i, "--no-tui")); err != nil {
			return err
		}
	}
	return t.perform(g.Context())
}

// start starts one peer. When g stops, the peer is interrupted, and killed if that doesn't help.
func (t *transcript) start(g *group.Group, name string, argv []string) error {
	a := &linePeer{name: name, cmd: exec.CommandContext(g.Context(), argv[0], argv[1:]...)}
	a.cmd.WaitDelay = leaveTime
	a.cmd.Cancel = func() error {
		if a.cmd.Process.Signal(os.Interrupt) != nil {
			return a.cmd.Process.Kill() // Windows has no interrupt
		}
		return nil
	}
	r, w, err := os.Pipe() // one for both, so that what was printed first is first
	if err != nil {
		return fmt.Errorf("start the peer %s: %w", name, err)
	}
	a.cmd.Stdout, a.cmd.Stderr = w, w
	if a.stdin, err = a.cmd.StdinPipe(); err == nil {
		err = a.cmd.Start()
	}
	w.Close()
	if err != nil {
		r.Close()
		return fmt.Errorf("start the peer %s: %w", name, err)
	}
	who := len(t.peers)
	listen := func(context.Context) {
		defer r.Close()
		in := bufio.NewScanner(r)
		for in.Scan() {
			t.lines <- printed{who: who, line: in.Text()}
		}
		t.lines <- printed{who: who, end: true, err: a.cmd.Wait()}
	}
	if !g.Go("demo/"+name, listen) { // we are being stopped
		r.Close()
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
		return context.Cause(g.Context())
	}
	t.peers = append(t.peers, a)
	t.width = max(t.width, len(name))
	return nil
}

// perform goes through the script.
func (t *transcript) perform(ctx context.Context) error {
	n := len(t.peers)
	if err := t.until(ctx, meetTime, t.allMet); err != nil {
		return fmt.Errorf("the peers don't find each other: %w", err)
	}
	t.caption(opening)
	for _, s := range script(n) {
		a := t.peers[s.who]
		_ = t.until(ctx, t.pause, nil)
		t.caption(s.caption)
		_ = t.until(ctx, t.pause/2, nil)
		before := len(a.lines)
		if err := t.enter(s.who, s.text); err != nil {
			return err
		}
		err := t.until(ctx, meetTime, func() bool {
			done := len(a.lines) > before // its own answer
			for i, other := range t.peers {
				done = done && (i == s.who || s.silent || other.shows(s.heard()))
			}
			return done
		})
		if err != nil {
			return fmt.Errorf("%q doesn't reach everyone: %w", s.text, err)
		}
		for seen := -1; seen != t.count; { // an answer of several lines stays in one piece
			seen = t.count
			_ = t.until(ctx, quiet, nil)
		}
	}
	if err := t.until(ctx, t.pause, nil); ctx.Err() != nil {
		return err
	}
	t.caption("Everyone leaves")
	for i, a := range t.peers {
		if err := t.enter(i, "/quit"); err != nil {
			return err
		}
		if err := t.until(ctx, leaveTime, func() bool { return a.ended }); err != nil {
			return fmt.Errorf("%s doesn't leave: %w", a.name, err)
		}
		if a.err != nil {
			return fmt.Errorf("%s left with an error: %w", a.name, a.err)
		}
	}
	return t.failed
}

// enter prints a line and types it in a peer's input.
func (t *transcript) enter(who int, text string) error {
	t.print(who, "›", text)
	if _, err := io.WriteString(t.peers[who].stdin, text+"\n"); err != nil {
		return fmt.Errorf("%s hears nothing any more: %w", t.peers[who].name, err)
	}
	return nil
}

// until prints the peers' output until fine returns true, or for all of limit when fine is nil.
func (t *transcript) until(ctx context.Context, limit time.Duration, fine func() bool) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for fine == nil || !fine() {
		select {
		case l := <-t.lines:
			a := t.peers[l.who]
			if l.end {
				a.ended, a.err = true, l.err
				continue
			}
			a.lines = append(a.lines, l.line)
			t.count++
			t.print(l.who, "│", l.line)
		case <-timer.C:
			return fmt.Errorf("nothing for %s", limit)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if t.failed != nil {
			return t.failed
		}
	}
	return nil
}

func (t *transcript) allEnded() bool {
	return !slices.ContainsFunc(t.peers, func(a *linePeer) bool { return !a.ended })
}

// allMet reports whether each peer has seen all others.
func (t *transcript) allMet() bool {
	for _, a := range t.peers {
		for _, other := range t.peers {
			if other != a && !a.shows("peer: "+other.name) {
				return false
			}
		}
	}
	return true
}

// shows reports whether a line that the peer printed contains text.
func (a *linePeer) shows(text string) bool {
	return slices.ContainsFunc(a.lines, func(l string) bool { return strings.Contains(l, text) })
}

// print writes one line with its peer's name. The first error stays in t.failed.
func (t *transcript) print(who int, mark, text string) {
	name := fmt.Sprintf("%-*s", t.width, t.peers[who].name)
	if t.colour {
		name = fmt.Sprintf("\x1b[1;%dm%s\x1b[0m", 31+who, name)
	}
	t.write("%s %s %s\n", name, mark, sanitize.Line(text))
}

func (t *transcript) caption(text string) {
	if t.colour {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	t.write("\n── %s\n", text)
}

func (t *transcript) write(format string, args ...any) {
	if t.failed == nil {
		_, t.failed = fmt.Fprintf(t.out, format, args...)
	}
}
