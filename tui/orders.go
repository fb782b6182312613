package tui

import (
	"context"
	"sync"
)

// orders runs what the person asked for in one goroutine, in order. Bubble Tea's commands run beside
// each other and finish in any order, so a person's lines must not go through them.
type orders struct {
	wake chan struct{} // capacity 1

	mu    sync.Mutex
	queue []func(ctx context.Context) // guarded by mu
}

func newOrders() *orders { return &orders{wake: make(chan struct{}, 1)} }

// add queues an order. It never waits: nobody types faster than a node signs.
func (o *orders) add(f func(ctx context.Context)) {
	o.mu.Lock()
	o.queue = append(o.queue, f)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run carries orders out until ctx ends.
func (o *orders) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		for ctx.Err() == nil {
			o.mu.Lock()
			if len(o.queue) == 0 {
				o.mu.Unlock()
				break
			}
			f := o.queue[0]
			o.queue[0] = nil
			o.queue = o.queue[1:]
			o.mu.Unlock()
			f(ctx)
		}
	}
}
