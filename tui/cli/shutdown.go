package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/lines"
)

// Limits on how long a shutdown takes. The last output has its own: it waits while someone reads it, but not for
// long after a signal.
const (
	goodbyeTime = 2 * time.Second
	endTime     = 10 * time.Second // for what may hang
	signalTime  = 5 * time.Second  // for the last output, after a signal
)

// cancelOnSignal cancels with errSignalled when a signal arrives. It stops watching when g ends. The
// signals are never given back: a terminal that closes sends several, and the end takes a few seconds after
// the first.
func cancelOnSignal(g *group.Group, cancel context.CancelCauseFunc) {
	// Go kills a program that writes to a closed standard output unless the program asks for SIGPIPE.
	// Ours says goodbye first (lines.ErrOutput).
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup
			signal.Notify(signals, s)
		}
	}
	g.Go("signals", func(ctx context.Context) {
		select {
		case <-signals:
			cancel(errSignalled)
		case <-ctx.Done():
		}
	})
}

// shutdown says goodbye to peers, writes out all that is still in memory and waits for every goroutine.
// It returns an error when the last output or the last messages were not written. ctx ends at a signal.
func (r *run) shutdown(ctx context.Context) error {
	var saved error
	unsaved := errUnsure
	if r.finish("node and store", func() { saved = r.closeNodeAndStore() }) {
		unsaved = saved
	}
	unwritten := r.closeOutput(ctx)
	// A stuck writer can't be interrupted, and what hung above hangs still: the exit ends both.
	if !errors.Is(unwritten, lines.ErrStuck) && unsaved != errUnsure {
		r.finish("goroutines", r.group.Close)
	}
	return joinOutcome(unwritten, unsaved)
}

// errUnsure says that the node or the store hung or panicked at its end.
var errUnsure = errors.New("the program didn't end well: the last messages may not be saved")

// closeNodeAndStore says goodbye to peers and saves the last messages.
func (r *run) closeNodeAndStore() error {
	if r.node != nil {
		ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
		r.node.Close(ctx)
		cancel()
	}
	if r.cfg.Store == nil {
		return nil
	}
	err := r.cfg.Store.Close()
	if err != nil {
		err = fmt.Errorf("the last messages are not saved: %w", err)
		r.log.Warn("end", "error", err)
	}
	return err
}

// closeOutput writes out the last output. Once a signal has come, that has signalTime.
func (r *run) closeOutput(signalled context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := context.AfterFunc(signalled, func() { time.AfterFunc(signalTime, cancel) })
	defer stop()
	err := r.ui.close(ctx)
	if err != nil {
		r.log.Warn("end", "error", err)
	}
	return err
}

// finish runs a part of the shutdown and reports whether it returned, in time and without a panic. What hangs is
// left to the exit: after a panic, a lock may be held for good.
func (r *run) finish(name string, end func()) bool {
	done := make(chan struct{})
	g := group.New(context.Background(), r.logPanic)
	g.Go("end", func(context.Context) {
		defer close(done)
		end()
	})
	select {
	case <-done:
		g.Close()
		return g.Err() == nil
	case <-time.After(endTime):
		r.log.Warn("end: something hangs", "in", name, "after", endTime)
		return false
	}
}
