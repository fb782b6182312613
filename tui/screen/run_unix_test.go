//go:build unix

package screen

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"

	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/sys/unix"
)

// running is a program on a console, in this process.
type running struct {
	*console
	screen *Screen
	model  *echo
	events *event.Queue
	cancel context.CancelCauseFunc
	ended  chan error
}

// run starts the echo model on a console.
func run(t *testing.T, width, height int) *running {
	t.Helper()
	r := &running{console: openConsole(t, width, height), model: new(echo), events: event.NewQueue(), ended: make(chan error, 1)}
	if r.raw() {
		t.Fatal("the terminal is in raw mode before anything ran")
	}
	r.watch()
	r.screen = New(r.slave, r.slave)
	var ctx context.Context
	ctx, r.cancel = context.WithCancelCause(context.Background())
	go func() {
		r.ended <- r.screen.Run(ctx, r.model, r.events)
	}()
	t.Cleanup(func() { r.cancel(nil) })
	return r
}

// end waits for Run's error.
func (r *running) end() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		r.t.Fatal("Run did not end")
		return nil
	}
}

// retake takes the terminal back and has it drawn, as the program does after a stop.
func (r *running) retake() error {
	if err := r.screen.term.retake(); err != nil {
		return err
	}
	r.screen.painter.markDirty()
	return nil
}

func TestDrawsKeysSizeCursorAndTitle(t *testing.T) {
	r := run(t, 30, 5)
	r.see("[]")
	if !r.raw() {
		t.Error("the terminal is not in raw mode")
	}
	r.key("hé\x1b[A")
	r.see("[héup]")
	r.see("told 30x5")
	r.see("row 3 of 30x5 .")
	r.hear("\x1b]2;room <héup>\a")
	if out := r.output(); strings.Contains(out, "\x1b[6n") || strings.Contains(out, "\x1b]11;?") || strings.Contains(out, "$p") {
		t.Errorf("something was asked of the terminal: %q", out)
	}
	r.key("q")
	if err := r.end(); err != nil {
		t.Errorf("Run returned %v after quit", err)
	}
	r.mustBeBack(0)
	r.screen.prog.Send(tea.KeyMsg{}) // returns
	if err := r.retake(); err != nil || r.raw() {
		t.Errorf("retake after the end took the terminal (err %v)", err)
	}
}

func TestReportsFocusMouseAndPaste(t *testing.T) {
	r := run(t, 60, 4)
	r.see("[]")
	r.screen.SetMouse(true)
	r.key("\x1b[I")
	r.see("focus")
	r.key("x\x1b[Oy") // in one read, which Bubble Tea alone does not take apart
	r.see("focus blur")
	r.key("\x1b[<0;3;2M")
	r.see("mouse left press")
	r.key("\x1b[200~two\nlines\x1b[201~")
	r.waitFor("the paste", func(_, screen string) bool { return strings.Contains(screen, "[two") })
	r.cancel(nil)
	if err := r.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	r.mustBeBack(0)
	for _, off := range []string{"\x1b[?1004l", "\x1b[?1002l", "\x1b[?1006l", "\x1b[?2004l", "\x1b[?7h", "\x1b[?25h", "\x1b[?1049l"} {
		if !strings.Contains(r.output(), off) {
			t.Errorf("%q was not switched off", off)
		}
	}
}

// TestReadsEvents: posted events reach the model.
func TestReadsEvents(t *testing.T) {
	r := run(t, 60, 4)
	r.see("[]")
	r.events.Post("posted")
	r.see("posted")
	r.key("q")
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestEveryEndGivesTheTerminalBack(t *testing.T) {
	reason := errors.New("told to stop")
	panicked := func(value string) func(error) bool {
		return func(err error) bool {
			var p *group.Panic
			return errors.As(err, &p) && p.Value == value && strings.Contains(string(p.Stack), "main_unix_test.go")
		}
	}
	for name, tt := range map[string]struct {
		do   func(r *running)
		want func(error) bool
	}{
		"quit":              {func(r *running) { r.key("q") }, func(err error) bool { return err == nil }},
		"context":           {func(r *running) { r.cancel(reason) }, func(err error) bool { return errors.Is(err, reason) }},
		"panic in Update":   {func(r *running) { r.key("P") }, panicked("in Update")},
		"panic in a Cmd":    {func(r *running) { r.key("C") }, panicked("in a command")},
		"panic in a batch":  {func(r *running) { r.key("B") }, panicked("in a batch")},
		"panic in sequence": {func(r *running) { r.key("S") }, panicked("in a sequence")},
		"panic in Frame":    {func(r *running) { r.key("F") }, panicked("in Frame")},
		"panic elsewhere": {func(r *running) {
			for range 2 {
				r.screen.term.leave()
			}
			r.cancel(reason)
		}, func(err error) bool { return errors.Is(err, reason) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, 30, 4)
			r.see("[]")
			tt.do(r)
			if err := r.end(); !tt.want(err) {
				t.Errorf("Run returned %v", err)
			}
			r.mustBeBack(0)
			if n := strings.Count(r.output(), "\x1b[?1049l"); n != 1 {
				t.Errorf("the main screen was brought back %d times", n)
			}
		})
	}
}

func TestHangUpEndsTheProgram(t *testing.T) {
	r := run(t, 30, 4)
	r.see("[]")
	r.master.Close()
	if err := r.end(); err == nil {
		t.Error("Run returned nil though its terminal has gone")
	}
}

func TestRunNeedsATerminal(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	s, events := New(in, out), event.NewQueue()
	for i := range event.MaxQueued + 1 {
		events.Post(i)
	}
	if err := s.Run(t.Context(), new(echo), events); !errors.Is(err, ErrNotTerminal) {
		t.Errorf("Run returned %v", err)
	}
	s.prog.Send(nil)                                                       // returns
	events.WaitSpace(0, func() (fair.Flow, int) { return fair.Flow{}, 0 }) // the queue is closed, so that a link that waits here goes on
	s.prog.Send(nil)                                                       // returns
	s.term.leave()
}

// The window hangs, so the terminal takes no output. Keys still reach Update, the program still ends,
// and the modes are given back.
func TestStuckTerminal(t *testing.T) {
	c := openConsole(t, 250, 100)
	keys := make(chan string, 10)
	m := &echo{onKey: func(key string) tea.Cmd { keys <- key; return nil }}
	s := New(c.slave, c.slave)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, m, event.NewQueue())
	}()
	// A full frame is 25 kB, more than the terminal keeps.
	for range 5 {
		c.key("x")
		if key := <-keys; key != "x" {
			t.Fatalf("Update got %q", key)
		}
		s.painter.repaint()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	if c.raw() {
		t.Error("the terminal is still in raw mode")
	}
	// Once it takes output again, it gets the sequences that give it back.
	c.watch()
	c.hear(give)
}

func TestLeaveAndRetake(t *testing.T) {
	r := run(t, 30, 4)
	r.see("[]")
	r.screen.term.leave()
	r.screen.term.leave()
	r.mustBeBack(0)
	before, takes := len(r.output()), r.screen.term.countTakes()
	r.screen.prog.Send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("x")})
	r.screen.prog.Send(nil) // taken after the key was dealt with
	if err := r.retake(); err != nil {
		t.Fatal(err)
	}
	r.see("[x]")
	if err := r.screen.term.write([]byte("stale"), takes); err != errReleased {
		t.Errorf("a frame composed before the release: %v", err)
	}
	if !r.raw() {
		t.Error("retake did not set raw mode")
	}
	if again := r.output()[before:]; !strings.HasPrefix(again, take) || !strings.Contains(again, eraseAll) {
		t.Errorf("after the release came %q", again)
	}
	r.key("q")
	r.end()
	r.mustBeBack(before)
}

func TestBellRepaintAndCopy(t *testing.T) {
	t.Setenv("TMUX", "/tmp/tmux-1000/default,1,0")
	r := run(t, 30, 4)
	r.see("[]")
	r.screen.Bell()
	r.hear(syncEnd + "\a")
	paints := strings.Count(r.output(), eraseAll)
	r.screen.painter.repaint()
	r.waitFor("a repaint", func(out, _ string) bool { return strings.Count(out, eraseAll) == paints+1 })
	r.screen.prog.Send(Repaint())
	r.waitFor("another", func(out, _ string) bool { return strings.Count(out, eraseAll) == paints+2 })

	if err := r.screen.Copy("ja"); err != nil {
		t.Fatal(err)
	}
	osc := "]52;c;" + base64.StdEncoding.EncodeToString([]byte("ja")) + "\a"
	r.hear("\x1bPtmux;\x1b\x1b" + osc + "\x1b\\\x1b" + osc)
	if err := r.screen.Copy(strings.Repeat("x", maxCopy+1)); err == nil {
		t.Error("a text that no terminal takes was copied")
	}
	r.key("q")
	r.end()
}

func TestCopyInScreenAndOutside(t *testing.T) {
	t.Setenv("TMUX", "")
	t.Setenv("STY", "")
	if got, want := copySequence("ja"), "\x1b]52;c;amE=\a"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Setenv("STY", "1")
	for _, piece := range strings.SplitAfter(copySequence(strings.Repeat("long", 1000)), "\x1b\\") {
		if len(piece) > 768 {
			t.Errorf("a piece of %d bytes is more than screen takes", len(piece))
		}
	}
}

// Through a thousand sizes every frame is whole and of a single size, and the last is on the screen.
func TestAThousandResizesTearNoFrame(t *testing.T) {
	r := run(t, 40, 6)
	r.see("[]")
	seen := 0
	for i := range 1000 {
		r.resize(20+i%61, 3+i%19)
		if err := syscall.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			// Let one be drawn; the others come while it is, or not at all.
			want := fmt.Sprintf("told %dx%d\x1b", 20+i%61, 3+i%19)
			r.waitFor(want, func(out, _ string) bool { return strings.LastIndex(out, want) > seen })
			seen = len(r.output())
			r.key("x")
		}
	}
	r.resize(40, 6)
	if err := syscall.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	r.key("y")
	r.hear(strings.Repeat("x", 50) + "y]")
	r.waitFor("the last size", func(_, screen string) bool {
		return strings.HasPrefix(screen, "told 40x6\nrow 1 of 40x6")
	})
	r.key("q")
	if err := r.end(); err != nil {
		t.Error(err)
	}
	r.mustBeBack(0)

	out := strings.TrimPrefix(r.output(), take)
	out = out[:strings.LastIndex(out, give)]
	sizes := map[string]bool{}
	for i, frame := range strings.SplitAfter(out, syncEnd) {
		if frame == "" {
			continue
		}
		if !strings.HasPrefix(frame, syncBegin) || !strings.HasSuffix(frame, syncEnd) {
			t.Fatalf("frame %d is not whole: %q", i, frame)
		}
		if !strings.Contains(frame, eraseAll) {
			continue
		}
		var size string
		rows := 0
		for _, row := range strings.Split(frame, "row ")[1:] {
			words := strings.Fields(row) // "3", "of", "40x6", …
			if size == "" {
				size = words[2]
			}
			if words[2] != size {
				t.Fatalf("frame %d has rows of %s and of %s", i, size, words[2])
			}
			rows++
		}
		if _, height, _ := strings.Cut(size, "x"); strconv.Itoa(rows+2) != height {
			t.Fatalf("frame %d of %s has %d rows", i, size, rows+2)
		}
		sizes[size] = true
	}
	if len(sizes) < 20 {
		t.Errorf("only %d sizes were drawn", len(sizes))
	}
}
