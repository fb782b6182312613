// Package screen runs a Bubble Tea program on a renderer of its own that draws only on demand.
//
// Bubble Tea v1 keeps its event loop, its commands and its key parser. It is started without its
// renderer, which ticks 60 times a second whether anything changed or not. Without the renderer it
// leaves the terminal alone, so the rest is done here:
//
//   - terminal.go: raw mode, alternate screen, cursor, autowrap, bracketed paste, focus reports,
//     mouse and title, all given back on every way out;
//   - painter.go: when to draw. A message only marks the screen as out of date. One goroutine
//     composes and draws a frame, at once if the last is 8 ms old, else once it is. A slow
//     terminal blocks that goroutine and nothing else, and the frames it missed are never composed.
//     Without anything to draw nothing wakes up;
//   - diff.go: what to write. The rows that changed, each by absolute position, in a single write;
//   - signals_unix.go: window size, Ctrl+Z and the return from it.
//
// Synchronized output (mode 2026) is always sent. Terminals without it skip a private mode that they
// don't know. So nothing is asked of the terminal, and no answer can arrive as typing, or in the shell
// after the program ended.
package screen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/sanitize"

	tea "github.com/charmbracelet/bubbletea"
)

// Frame is a whole screen as it should look.
type Frame struct {
	// Rows are the rows from the top, styled, each at most as wide as the screen. Missing rows are
	// blank, rows past the height are not drawn. A row holds no control sequences but SGR,
	// hyperlinks and MoveToColumn.
	Rows []string
	// CursorX and CursorY are the cursor's cell from the top left, which is 0, 0.
	CursorX, CursorY int
	CursorVisible    bool
	// Title is the window's title, one row; empty leaves it as it is.
	Title sanitize.SafeText
}

// Model is a program's state. Its methods are called one at a time, never concurrently, but not
// all from one goroutine.
type Model interface {
	// Update takes a message in, and returns a command or nil. The first message is a tea.WindowSizeMsg,
	// before the first frame. Events come as an event.Batch. Update must not block: no I/O.
	Update(tea.Msg) tea.Cmd
	// Frame composes the screen. It is called when a frame is drawn, not for every message, and is
	// the one place where a screen is composed. It may fill caches, but not change what is shown.
	Frame(width, height int) Frame
}

// ErrNotTerminal is returned by Run when one of its files is no terminal.
var ErrNotTerminal = errors.New("screen: not a terminal; use --no-tui")

// errGone is the reason a program ends when its terminal was closed.
var errGone = errors.New("the terminal has gone")

// Screen is one program on one terminal. All methods may be called from any goroutine.
type Screen struct {
	in   *os.File
	term *terminal
	prog *tea.Program

	model Model      // set by Run
	mu    sync.Mutex // locked during every call of the model

	painter *painter
	suspend chan struct{} // a request to suspend, capacity 1

	// failed ends when the program must end for a reason that isn't a quit: its cause. From then on the
	// model may be inconsistent, and isn't called.
	failed context.Context
	fail   context.CancelCauseFunc
}

// New returns a screen for one Run on the terminal in and out; nil means os.Stdin and os.Stdout. It doesn't
// touch the terminal, and never closes it.
func New(in, out *os.File) *Screen {
	in, out = cmp.Or(in, os.Stdin), cmp.Or(out, os.Stdout)
	s := &Screen{in: in, term: newTerminal(in, out), suspend: make(chan struct{}, 1)}
	s.failed, s.fail = context.WithCancelCause(context.Background())
	s.painter = newPainter(s.term, s.compose)
	s.prog = newProgram(s)
	return s
}

// stuck is how long the end of a program waits for a terminal that takes no output.
const stuck = 500 * time.Millisecond

// frame is the least time between two batches of events: 1/60 s. Bubble Tea handles one message at a
// time, so that a message for each event would cost a flood more than the events themselves.
const frame = time.Second / 60

// Run takes the terminal, runs the model until it quits, and gives the terminal back. The model gets
// the events that are posted to events, a queue that Run closes. It returns:
//
//   - nil after tea.Quit;
//   - the cause of ctx when it ended, so errors.Is(err, context.Canceled) holds;
//   - a *group.Panic (errors.As) when Update, Frame or a command panicked;
//   - the error of reading or writing when the terminal has gone.
//
// SIGINT, SIGTERM and SIGHUP are not handled here: the caller ends ctx for them. Run doesn't wait for
// commands that are still running.
func (s *Screen) Run(ctx context.Context, m Model, events *event.Queue) error {
	defer events.Close()
	defer s.prog.Kill() // a Send that comes later returns at once
	s.model = m
	if err := s.term.enter(); err != nil {
		return err
	}
	// This runs even when Bubble Tea itself panics, so that the trace is readable.
	defer s.term.close()

	g := group.New(ctx, func(*group.Panic) { s.term.leave() })
	defer context.AfterFunc(s.failed, g.Stop)()
	painted := make(chan struct{})
	g.Go("screen/painter", func(ctx context.Context) {
		defer close(painted)
		if err := s.painter.run(ctx); err != nil {
			s.fail(fmt.Errorf("screen: write to the terminal: %w", err))
		}
	})
	s.watchSignals(g)
	g.Go("screen/events", func(ctx context.Context) {
		events.Run(ctx, frame, func(b event.Batch) { s.prog.Send(b) })
	})
	g.Go("screen/stop", func(ctx context.Context) {
		<-ctx.Done()
		// Quit, not Kill: Bubble Tea then waits for its reader before it closes what that reads.
		s.prog.Quit()
	})

	_, runErr := s.prog.Run()
	s.prog.Kill()
	cause := context.Cause(g.Context())
	g.Stop()
	s.term.close()
	select {
	case <-painted:
		g.Wait()
	case <-time.After(stuck):
		// A write can't be interrupted here (see reopen): the program ends anyway.
	}

	switch {
	case s.failed.Err() != nil:
		return context.Cause(s.failed)
	case g.Err() != nil:
		return g.Err()
	case runErr != nil:
		return fmt.Errorf("screen: %w", runErr)
	}
	return cause
}

// compose returns a frame for the painter, and false if the model must not be called.
func (s *Screen) compose(width, height int) (Frame, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed.Err() != nil {
		return Frame{}, false
	}
	return s.model.Frame(width, height), true
}

// Bell rings the terminal's bell with the next write. It doesn't wait.
func (s *Screen) Bell() { s.painter.send("\a") }

// SetMouse turns reports of the mouse on or off: clicks, wheel and drags as tea.MouseMsg. They are off at
// first. On Windows the mouse is a mode that it can't change. SetMouse must not be called before Run.
func (s *Screen) SetMouse(on bool) {
	s.term.setMouse(on)
	if on {
		s.painter.send(mouseOn)
	} else {
		s.painter.send(mouseOff)
	}
}
