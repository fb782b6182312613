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
)

// Limits on how long a shutdown takes: goodbyes, and the last output to a reader that no longer reads.
const (
	goodbyeTime = 2 * time.Second
	outputTime  = time.Second
	endTime     = 5 * time.Second // for all of it, in case something hangs
)

// cancelOnSignal cancels with errSignalled when a signal arrives. It stops watching when g ends. The
// signals are never given back: a terminal that closes sends several, and the goodbye takes a few seconds
// at most.
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
// It returns an error when the last output or the last messages were not written. What hangs is left
// to the exit: after a panic, a lock may be held for good.
func (r *run) shutdown() (unsaved error) {
	last := group.New(context.Background(), r.logPanic)
	done := make(chan struct{})
	var failed error // read once done is closed
	last.Go("end", func(context.Context) {
		defer close(done)
		if r.node != nil {
			ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
			r.node.Close(ctx)
			cancel()
		}
		var unsaved error
		if r.cfg.Store != nil {
			if unsaved = r.cfg.Store.Close(); unsaved != nil {
				unsaved = fmt.Errorf("the last messages are not saved: %w", unsaved)
				r.log.Warn("end", "error", unsaved)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), outputTime)
		defer cancel()
		if failed = r.ui.close(ctx); failed != nil {
			r.log.Warn("end", "error", failed)
		}
		failed = errors.Join(failed, unsaved)
		if ctx.Err() == nil { // else the writer is stuck, and waiting for it would never end
			r.group.Close()
		}
	})
	select {
	case <-done:
		return failed
	case <-time.After(endTime):
		r.log.Warn("end: something hangs", "after", endTime)
		return nil
	}
}
