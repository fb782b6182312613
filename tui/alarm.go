package tui

import (
	"context"
	"time"
)

// rang is the message of the alarm. It is a Latest, so that one is enough.
type rang struct{}

// LatestKey is the same for all.
func (rang) LatestKey() string { return "tui/alarm" }

// alarm is the one timer of the program: the model sets it to when it next has something to do by
// itself (the clock's minute, an indicator that ends), and nothing wakes in between.
type alarm struct {
	post func(any)
	at   chan time.Time // capacity 1; the newest time
}

func newAlarm(post func(any)) *alarm { return &alarm{post: post, at: make(chan time.Time, 1)} }

// set makes the alarm ring at t instead of when it would have; the zero time stands for never. Only
// the model calls it.
func (a *alarm) set(t time.Time) {
	select {
	case <-a.at:
	default:
	}
	a.at <- t
}

// run rings until ctx ends.
func (a *alarm) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-a.at:
			timer.Stop()
			if !t.IsZero() {
				timer.Reset(max(time.Until(t), 0))
			}
		case <-timer.C:
			a.post(rang{})
		}
	}
}
