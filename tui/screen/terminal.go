package screen

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// errReleased says that the terminal isn't ours at the moment, or is empty again, so nothing was written.
var errReleased = errors.New("screen: terminal released")

// terminal is the terminal device: its modes and its output. All methods may be called from any
// goroutine.
type terminal struct {
	out         *os.File
	inFd, outFd int

	tty     atomic.Pointer[os.File] // where output goes: a description of our own, or out
	restore atomic.Pointer[func()]  // gives back the modes
	takes   atomic.Uint64           // how often the terminal was taken; changes under lock only

	lock  chan struct{} // capacity 1; full while a goroutine writes, or uses the fields below
	held  bool          // the terminal is ours
	done  bool          // the terminal was given back for good
	mouse bool          // to be asked for by retake
}

// The sequences that take the terminal and give it back. The title is put on the terminal's stack and
// taken from there again. The second ends everything that can be on, and ends on the main screen, so that
// it may be written at any moment.
const (
	take = "\x1b[22;0t" + "\x1b[?1049h" + cursorHide + wrapOff + "\x1b[?2004h" + "\x1b[?1004h"
	give = syncEnd + plain + "\x1b[?2004l" + "\x1b[?1004l" + mouseOff + wrapOn + cursorShow + "\x1b[?1049l" + "\x1b[23;0t"
)

// The sequences that ask for clicks, wheel and drags, and that end it.
const (
	mouseOn  = "\x1b[?1002h\x1b[?1006h"
	mouseOff = "\x1b[?1006l\x1b[?1002l"
)

func newTerminal(in, out *os.File) *terminal {
	return &terminal{out: out, inFd: int(in.Fd()), outFd: int(out.Fd()), lock: make(chan struct{}, 1)}
}

// setMouse sets whether retake asks for the mouse. It waits for a write that is under way.
func (t *terminal) setMouse(on bool) {
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	t.mouse = on
}

// enter takes the terminal for the first time.
func (t *terminal) enter() error {
	if !term.IsTerminal(t.inFd) || !term.IsTerminal(t.outFd) {
		return ErrNotTerminal
	}
	t.tty.Store(reopen(t.out))
	return t.retake()
}

// retake takes the terminal. If the terminal is ours already, its modes are set again, as the return from
// an unprepared stop needs it.
func (t *terminal) retake() error {
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	tty := t.tty.Load()
	if t.done || tty == nil {
		return nil
	}
	restore, err := makeRaw(t.inFd, t.outFd)
	if err != nil {
		return fmt.Errorf("screen: set the terminal's mode: %w", err)
	}
	if !t.held {
		// Otherwise these are not the modes to give back: those were read the first time.
		t.restore.Store(&restore)
		t.held = true
	}
	sequence := take
	if t.mouse {
		sequence += mouseOn
	}
	t.takes.Add(1)
	if _, err := tty.WriteString(sequence); err != nil {
		return fmt.Errorf("screen: write to the terminal: %w", err)
	}
	return nil
}

// countTakes implements display.
func (t *terminal) countTakes() uint64 { return t.takes.Load() }

// write implements display. It waits as long as the terminal takes.
func (t *terminal) write(b []byte, takes uint64) error {
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	if !t.held || takes != t.takes.Load() {
		return errReleased
	}
	_, err := t.tty.Load().Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errReleased // another goroutine waits to give the terminal back (leave)
	}
	return err
}

// size returns the terminal's size now, or 80×24 if that is unknown.
func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(t.outFd)
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// close gives the terminal back for good.
func (t *terminal) close() { t.release(true) }

// leave gives the terminal back until retake.
func (t *terminal) leave() { t.release(false) }

// release gives the terminal back, once. A terminal that takes no output (its window hangs, its line is
// dead) must not keep the program from ending. Output that it doesn't take in half of stuck is discarded,
// and the modes are given back in any case.
func (t *terminal) release(forGood bool) {
	tty := t.tty.Load()
	if tty == nil {
		return // never taken
	}
	limit(tty, stuck/2)
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-time.After(stuck):
		// A write that can't be interrupted holds the lock. The modes can still be given back, though not
		// the screen's content.
		if restore := t.restore.Load(); restore != nil {
			(*restore)()
		}
		return
	}
	if t.held {
		t.held = false
		limit(tty, stuck/2)
		if _, err := tty.WriteString(give); errors.Is(err, os.ErrDeadlineExceeded) {
			discardOutput(t.outFd)
			limit(tty, stuck/2)
			// CAN ends a control sequence that was cut in the middle.
			_, _ = tty.WriteString("\x18" + give)
		}
		(*t.restore.Load())()
	}
	_ = tty.SetWriteDeadline(time.Time{})
	if forGood && !t.done {
		t.done = true
		if tty != t.out {
			_ = tty.Close()
		}
	}
}

// limit makes a write under way, and later writes, fail after d. It has no effect where output can't be
// polled (see reopen).
func limit(tty *os.File, d time.Duration) { _ = tty.SetWriteDeadline(time.Now().Add(d)) }
