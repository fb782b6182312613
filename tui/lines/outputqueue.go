package lines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Limits of the output, in bytes.
const (
	maxQueued = 256 << 10 // may wait to be written before wait blocks
	pieceSize = 4 << 10   // the most in one write, so that a slow reader is seen to read
)

// At the end a reader may take nothing for ten looks, half a second apart: long, since a busy machine may not run
// it. Looks are counted and not the time, so that a reader that was stopped with us has its turn.
const (
	lookEvery = 500 * time.Millisecond
	maxLooks  = 10
)

// The prompt, and what takes it away again where a line can be erased.
const (
	prompt = "💬 "
	erase  = "\r\x1b[K"
)

// output writes to stdout and stderr from one goroutine, in the order in which it was given text. It
// writes all that waits at once, so that a flood costs few writes and a single line no delay.
type output struct {
	out, err io.Writer
	terminal bool
	prompt   string
	erase    string
	wake     chan struct{}   // capacity 1
	done     chan struct{}   // closed by run when it returns
	failed   context.Context // ended by run when stdout takes no more; its cause says why
	fail     context.CancelCauseFunc
	taken    atomic.Int64 // how many pieces the readers took

	mu      sync.Mutex
	queue   []chunk       // guarded by mu
	size    int           // guarded by mu; bytes in queue
	free    chan struct{} // guarded by mu; closed when the queue was taken, then replaced
	closed  bool          // guarded by mu
	full    bool          // guarded by mu; text was cut off, and nothing follows it
	prompts bool          // guarded by mu; a prompt is wanted
	typed   bool          // guarded by mu; the person ended the prompt's line
	shown   bool          // run only; the prompt stands at the end of the terminal
}

// chunk is text for one of the streams.
type chunk struct {
	errs bool // for stderr
	text []byte
}

func newOutput(cfg Config) *output {
	o := &output{
		out:      cfg.Out,
		err:      cfg.Err,
		terminal: cfg.Terminal && !cfg.JSON,
		prompt:   prompt,
		erase:    erase,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		free:     make(chan struct{}),
	}
	o.failed, o.fail = context.WithCancelCause(context.Background())
	if cfg.Dumb {
		o.erase = "\r"
	}
	if cfg.TwoPerson != nil {
		o.prompt = twoPersonPrompt
	}
	return o
}

// add queues text for stdout, or for stderr. It never blocks; after close it drops the text.
func (o *output) add(errs bool, text string) {
	o.update(func() {
		// Writers wait behind the limit, but not after Run has ended. Then more text is cut off rather than
		// filling memory, and all after it too, so that no reader gets lines with a hole.
		o.full = o.full || o.size > 4*maxQueued
		if o.full || o.closed || o.failed.Err() != nil {
			return
		}
		if n := len(o.queue); n == 0 || o.queue[n-1].errs != errs {
			o.queue = slices.Grow(o.queue, 1)[:n+1]
			o.queue[n].errs = errs
		}
		last := &o.queue[len(o.queue)-1]
		last.text = append(last.text, text...)
		o.size += len(text)
	})
}

// update changes the state and wakes run.
func (o *output) update(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// wait blocks while too much is queued, until stop is closed.
func (o *output) wait(stop <-chan struct{}) {
	for {
		o.mu.Lock()
		full, free := o.size > maxQueued, o.free
		o.mu.Unlock()
		if !full {
			return
		}
		select {
		case <-free:
		case <-stop:
			return
		case <-o.failed.Done():
			return
		}
	}
}

// allowPrompt says that the program is ready for its user to type.
func (o *output) allowPrompt() { o.update(func() { o.prompts = o.terminal }) }

// entered says that the person has ended the line that the prompt began.
func (o *output) entered() { o.update(func() { o.typed = o.prompts }) }

// result reports whether run has ended, and if so why some text wasn't written.
func (o *output) result() (ended bool, err error) {
	select {
	case <-o.done:
	default:
		return false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err = context.Cause(o.failed); err == nil && o.full {
		err = ErrCut
	}
	return true, err
}

// close ends run once everything is written.
func (o *output) close() { o.update(func() { o.closed, o.prompts = true, false }) }

// run writes until close or until stdout takes no more. A write that is stuck can't be interrupted.
func (o *output) run() {
	defer close(o.done)
	var spare []chunk
	for range o.wake {
		runtime.Gosched() // lines of a burst then go out together
		o.mu.Lock()
		taken, closed, prompts := o.queue, o.closed, o.prompts
		if o.typed {
			o.typed, o.shown = false, false
		}
		o.queue, o.size = spare[:0], 0
		close(o.free)
		o.free = make(chan struct{})
		o.mu.Unlock()

		err := o.write(taken, prompts)
		switch {
		case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
			o.fail(ErrOutput)
			return
		case err != nil:
			o.fail(fmt.Errorf("standard output: %w", err))
			return
		case closed:
			return
		}
		spare = emptyChunks(taken)
	}
}

// emptyChunks empties chunks for add to fill again. It keeps the first chunk's buffer if that is short, and drops the
// rest: floods are rare.
func emptyChunks(taken []chunk) []chunk {
	for i := range taken {
		if i > 0 || cap(taken[i].text) > pieceSize {
			taken[i].text = nil
		}
		taken[i].text = taken[i].text[:0]
	}
	return taken
}

// write writes what was taken, between taking the prompt away and showing it again.
func (o *output) write(taken []chunk, prompts bool) error {
	if o.shown && (len(taken) > 0 || !prompts) {
		if _, err := io.WriteString(o.out, o.erase); err != nil {
			return err
		}
		o.shown = false
	}
	for _, c := range taken {
		for piece := range slices.Chunk(c.text, pieceSize) {
			if c.errs {
				_, _ = o.err.Write(piece) // there is nowhere to say that it failed
			} else if _, err := o.out.Write(piece); err != nil {
				return err
			}
			o.taken.Add(1)
		}
	}
	if prompts && !o.shown {
		if _, err := io.WriteString(o.out, o.prompt); err != nil {
			return err
		}
		o.shown = true
	}
	return nil
}
