// Package inbox is the one door through which goroutines reach the screen: whatever happens outside
// of the program's Update is posted here, and arrives as a Batch, at most one per frame.
//
// Bubble Tea handles one message at a time, so that a message per event would cost a flood of lines
// more than the lines themselves. Two classes of delivery (net/event says which event has which):
//
//   - what must arrive is queued in order, and Post waits while the queue is full: a screen that is
//     slow pushes back on the network instead of losing lines or filling memory;
//   - a Latest is worth only its newest value: one that waits under the same key is taken out and
//     the new one stands at the end, so that it is never older than what was posted before it.
package inbox

import (
	"context"
	"sync"
	"time"
)

const (
	// Frame is the least time between two batches: 1/60 s.
	Frame = time.Second / 60
	// Most is how many messages may wait before Post does.
	Most = 4096
)

// Latest is a message of which only the newest per key matters; event.Latest is one.
type Latest interface {
	LatestKey() string
}

// Batch is what was posted since the batch before, in order.
type Batch []any

// Inbox is a queue between goroutines and a program. New makes it; Post and Close may be called from
// any goroutine, Run from one, once.
type Inbox struct {
	wake chan struct{} // capacity 1: something was posted
	done chan struct{} // closed by Close

	mu       sync.Mutex
	queue    []any          // guarded by mu; nil where a Latest was replaced
	live     int            // guarded by mu; not nil in queue
	latest   map[string]int // guarded by mu; LatestKey → place in queue
	room     chan struct{}  // guarded by mu; closed and made anew when the queue was taken
	closed   bool           // guarded by mu
	replaced int64          // guarded by mu; counted for ever
}

// New returns an empty inbox. What is posted before Run waits for it.
func New() *Inbox {
	return &Inbox{wake: make(chan struct{}, 1), done: make(chan struct{}), latest: map[string]int{}, room: make(chan struct{})}
}

// Post hands a message in. It waits while Most messages do, and after Close drops it at once. It must
// not be called from the program's Update: that could wait for itself.
func (b *Inbox) Post(msg any) {
	key := ""
	if l, ok := msg.(Latest); ok {
		key = l.LatestKey()
	}
	for {
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			return
		}
		if b.add(msg, key) {
			b.mu.Unlock()
			select {
			case b.wake <- struct{}{}:
			default:
			}
			return
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-b.done:
		}
	}
}

// add queues the message, unless the queue is full. Called with mu held.
func (b *Inbox) add(msg any, key string) bool {
	if i, waits := b.latest[key]; waits && key != "" {
		b.queue[i] = nil
		b.live--
		b.replaced++
	} else if b.live >= Most {
		return false
	}
	if len(b.queue) >= 2*Most {
		b.compact()
	}
	if key != "" {
		b.latest[key] = len(b.queue)
	}
	b.queue = append(b.queue, msg)
	b.live++
	return true
}

// compact closes the gaps that replaced messages left. Called with mu held.
func (b *Inbox) compact() {
	kept := b.queue[:0]
	for _, msg := range b.queue {
		if msg == nil {
			continue
		}
		if l, ok := msg.(Latest); ok {
			b.latest[l.LatestKey()] = len(kept)
		}
		kept = append(kept, msg)
	}
	clear(b.queue[len(kept):])
	b.queue = kept
}

// Replaced is how many messages were replaced by newer ones before they arrived.
func (b *Inbox) Replaced() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replaced
}

// take empties the queue.
func (b *Inbox) take() Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live == 0 {
		return nil
	}
	if b.live < len(b.queue) {
		b.compact()
	}
	batch := Batch(b.queue)
	b.queue, b.live = nil, 0
	clear(b.latest)
	close(b.room)
	b.room = make(chan struct{})
	return batch
}

// Run hands batches to send, which may wait, until ctx ends or Close is called: the first at once,
// the next when a Frame has passed. When there is nothing it sleeps.
func (b *Inbox) Run(ctx context.Context, send func(Batch)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.done:
			return
		case <-b.wake:
		}
		batch := b.take()
		if batch == nil {
			continue // taken with the batch before
		}
		sent := time.Now()
		send(batch)
		timer := time.NewTimer(Frame - time.Since(sent))
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-b.done:
		}
		timer.Stop()
	}
}

// Close ends Run, lets all waiting Posts return and drops what was not delivered. It may be called
// more than once.
func (b *Inbox) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	b.queue, b.live = nil, 0
	close(b.done)
}
