package memnet

import (
	"slices"
	"sync"
	"time"
)

// scheduler calls functions at their time, in order of time and then of scheduling, with a single timer.
type scheduler struct {
	mu      *sync.Mutex // the network's; held while functions run
	timer   *time.Timer // nil before the first use
	pending []event     // the earliest first
	stopped bool
}

type event struct {
	at  time.Time
	run func()
}

// at schedules a call of run, with the network's lock held, at t.
func (s *scheduler) at(t time.Time, run func()) {
	if s.stopped {
		return
	}
	i, _ := slices.BinarySearchFunc(s.pending, t, func(e event, t time.Time) int {
		if e.at.After(t) {
			return 1
		}
		return -1 // events of the same time come before
	})
	s.pending = slices.Insert(s.pending, i, event{t, run})
	if i == 0 {
		s.arm()
	}
}

// arm sets the timer to the time of the first event.
func (s *scheduler) arm() {
	d := time.Until(s.pending[0].at)
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.fire)
		return
	}
	s.timer.Reset(d)
}

// fire runs the events that are due.
func (s *scheduler) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) > 0 && !s.pending[0].at.After(time.Now()) {
		run := s.pending[0].run
		s.pending[0] = event{}
		s.pending = s.pending[1:]
		run()
	}
	if len(s.pending) > 0 {
		s.arm()
	}
}

func (s *scheduler) stop() {
	s.stopped = true
	s.pending = nil
	if s.timer != nil {
		s.timer.Stop()
	}
}
