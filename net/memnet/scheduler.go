package memnet

import (
	"container/heap"
	"sync"
	"time"
)

// clock runs functions at their time, in order of time and then of scheduling, behind one timer.
type clock struct {
	mu      *sync.Mutex // the network's; held by callers of at and stop, and while functions run
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

// at has run called, with the network's lock held, once the time has come.
func (c *clock) at(t time.Time, run func()) {
	if c.stopped {
		return
	}
	c.seq++
	heap.Push(&c.pending, event{t, c.seq, run})
	if c.pending[0].seq == c.seq {
		c.arm()
	}
}

// arm sets the timer to the first event.
func (c *clock) arm() {
	d := time.Until(c.pending[0].at)
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.fire)
		return
	}
	c.timer.Reset(d)
}

func (c *clock) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) > 0 && !c.pending[0].at.After(time.Now()) {
		heap.Pop(&c.pending).(event).run()
	}
	if len(c.pending) > 0 {
		c.arm()
	}
}

func (c *clock) stop() {
	c.stopped = true
	c.pending = nil
	if c.timer != nil {
		c.timer.Stop()
	}
}

// events is a heap.Interface.
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
