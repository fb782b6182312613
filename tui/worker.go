package tui

import (
	"context"
	"sync"
)

// serialWorker runs functions one after the other in one goroutine, in the order of add. Bubble Tea
// runs its commands beside each other and in any order, so a person's messages must not go through them.
type serialWorker struct {
	wake chan struct{} // capacity 1

	mu struct {
		sync.Mutex
		queue []func(ctx context.Context)
	}
}

func newSerialWorker() *serialWorker { return &serialWorker{wake: make(chan struct{}, 1)} }

// add queues f and returns at once. The queue is unbounded: no person types faster than a node signs.
func (w *serialWorker) add(f func(ctx context.Context)) {
	w.mu.Lock()
	w.mu.queue = append(w.mu.queue, f)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run calls the queued functions until ctx ends.
func (w *serialWorker) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		for f := w.next(); f != nil && ctx.Err() == nil; f = w.next() {
			f(ctx)
		}
	}
}

// next takes the oldest function out of the queue, or returns nil.
func (w *serialWorker) next() func(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.mu.queue) == 0 {
		return nil
	}
	f := w.mu.queue[0]
	w.mu.queue[0] = nil
	w.mu.queue = w.mu.queue[1:]
	return f
}
