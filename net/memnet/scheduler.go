package memnet

import (
	"container/heap"
	"sync"
	"time"
)

// scheduler calls functions at their time, in order of time and then of scheduling, with a single timer.
type scheduler struct {
	mu      *sync.Mutex // the network's; held while functions run
	timer   *time.Timer // nil before the first use
	pending events
	seq     uint64
	stopped bool
}

type event struct {
	at  time.Time
	seq uint64
	run func()
}

// at schedules a call of run, with the network's lock held, at t.
func (s *scheduler) at(t time.Time, run func()) {
	if s.stopped {
		return
	}
	s.seq++
	heap.Push(&s.pending, event{t, s.seq, run})
	if s.pending[0].seq == s.seq {
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

func (s *scheduler) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) > 0 && !s.pending[0].at.After(time.Now()) {
		heap.Pop(&s.pending).(event).run()
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

// events implements heap.Interface, the earliest event first.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}
