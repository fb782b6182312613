package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/sanitize"

	"golang.org/x/term"
)

const (
	// meetTime is how long the peers have to find each other, and to hear a line. It takes well under
	// a second.
	meetTime = 15 * time.Second
	// linePause is for somebody who reads along; a file or a pipe doesn't.
	linePause = 900 * time.Millisecond
	// quiet is how long nobody prints anything before the next one speaks.
	quiet = 60 * time.Millisecond
)

// actor is a peer in line mode.
type actor struct {
	name  string
	stdin io.WriteCloser
	cmd   *exec.Cmd
	lines []string // all that it printed
	ended bool
	err   error // how it ended
}

// printed is a line of an actor, or its end.
type printed struct {
	who  int
	line string
	end  bool
	err  error
}

// transcript performs the script with real peers whose standard input is ours, and prints what they
// print, each line under its speaker's name.
type transcript struct {
	actors []*actor
	out    io.Writer
	width  int
	colour bool
	pause  time.Duration
	lines  chan printed // never closed; each actor's goroutine ends with its end
	count  int          // of lines so far
	failed error        // of out
}

// transcribe runs a whole transcript. All peers have ended when it returns.
func transcribe(g *group.Group, cfg Config, c *cast) (err error) {
	t := &transcript{out: cfg.Stdout, lines: make(chan printed)}
	if term.IsTerminal(int(cfg.Stdout.Fd())) {
		t.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		if !cfg.hurry {
			t.pause = linePause
		}
	}
	play := g.Child()
	defer func() {
		// Whatever happened, everybody leaves: the end of their input is a /quit.
		for _, a := range t.actors {
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
		if g.Context().Err() != nil {
			err = context.Cause(g.Context())
		}
	}()
	for i := range c.names {
		if err := t.enter(play, c.names[i], c.argv(i, "--no-tui")); err != nil {
			return err
		}
	}
	return t.perform(g.Context())
}

// enter starts one actor, which is interrupted when g stops and killed when that doesn't help.
func (t *transcript) enter(g *group.Group, name string, argv []string) error {
	a := &actor{name: name, cmd: exec.CommandContext(g.Context(), argv[0], argv[1:]...)}
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
	who := len(t.actors)
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
	t.actors = append(t.actors, a)
	t.width = max(t.width, len(name))
	return nil
}

// perform goes through the script.
func (t *transcript) perform(ctx context.Context) error {
	n := len(t.actors)
	if err := t.until(ctx, meetTime, t.allMet); err != nil {
		return fmt.Errorf("the peers don't find each other: %w", err)
	}
	t.caption(opening)
	for _, s := range script(n) {
		who := s.player(n)
		a := t.actors[who]
		_ = t.until(ctx, t.pause, nil)
		t.caption(s.caption)
		_ = t.until(ctx, t.pause/2, nil)
		t.print(who, "›", s.text)
		before := len(a.lines)
		if _, err := io.WriteString(a.stdin, s.text+"\n"); err != nil {
			return fmt.Errorf("%s hears nothing any more: %w", a.name, err)
		}
		err := t.until(ctx, meetTime, func() bool {
			done := len(a.lines) > before // its own answer
			for i, other := range t.actors {
				done = done && (i == who || s.silent || other.shows(s.heard()))
			}
			return done
		})
		if err != nil {
			return fmt.Errorf("%q doesn't reach everybody: %w", s.text, err)
		}
		for seen := -1; seen != t.count; { // an answer of several lines is not cut in two
			seen = t.count
			_ = t.until(ctx, quiet, nil)
		}
	}
	if err := t.until(ctx, t.pause, func() bool { return false }); ctx.Err() != nil {
		return err
	}
	t.caption("Everybody leaves")
	for i, a := range t.actors {
		t.print(i, "›", "/quit")
		if _, err := io.WriteString(a.stdin, "/quit\n"); err != nil {
			return fmt.Errorf("%s hears nothing any more: %w", a.name, err)
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

// until prints what the actors print until fine is true, or for all of limit when fine is nil.
func (t *transcript) until(ctx context.Context, limit time.Duration, fine func() bool) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for fine == nil || !fine() {
		select {
		case l := <-t.lines:
			a := t.actors[l.who]
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
	for _, a := range t.actors {
		if !a.ended {
			return false
		}
	}
	return true
}

// allMet reports whether everybody has seen everybody else come.
func (t *transcript) allMet() bool {
	for _, a := range t.actors {
		for _, other := range t.actors {
			if other != a && !a.shows("peer: "+other.name) {
				return false
			}
		}
	}
	return true
}

// shows reports whether a line of a's contains text.
func (a *actor) shows(text string) bool {
	for _, l := range a.lines {
		if strings.Contains(l, text) {
			return true
		}
	}
	return false
}

// print writes one line under its speaker's name. The first error stays in t.failed.
func (t *transcript) print(who int, mark, text string) {
	name := fmt.Sprintf("%-*s", t.width, t.actors[who].name)
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
