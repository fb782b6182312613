package tui

import (
	"context"
	"time"
)

// timerFired is what the timer posts. Only the newest value is delivered.
type timerFired struct{}

// LatestKey implements event.Latest: all of them share one key.
func (timerFired) LatestKey() string { return "tui/timer" }

// timer wakes the model when the model next has something to do by itself: the clock's minute, an
// indicator that ends. Nothing else wakes the program, so that an idle one uses no CPU.
type timer struct {
	post func(any)
	at   chan time.Time // capacity 1; holds the newest time only
}

func newTimer(post func(any)) *timer { return &timer{post: post, at: make(chan time.Time, 1)} }

// set replaces the time at which the timer fires; the zero time means never. Only the model calls it.
func (t *timer) set(at time.Time) {
	select {
	case <-t.at:
	default:
	}
	t.at <- at
}

// run posts timerFired at each time that was set, until ctx ends.
func (t *timer) run(ctx context.Context) {
	clock := time.NewTimer(time.Hour)
	clock.Stop()
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-t.at:
			clock.Stop()
			if !at.IsZero() {
				clock.Reset(max(time.Until(at), 0))
			}
		case <-clock.C:
			t.post(timerFired{})
		}
	}
}
