package node

import (
	"context"
	"sync"

	"chat.lan/p2pchat/net/event"
)

// outboxMost is how many events may wait before links stop reading.
const outboxMost = 4096

// outbox is the queue of events between the network and Config.Post, which may block: posting never
// does, and whoever reads from a link waits in room for the queue to shrink.
type outbox struct {
	mu     sync.Mutex
	more   sync.Cond // queue is not empty, or done
	less   sync.Cond // queue has shrunk, or done
	queue  []event.Event
	latest map[string]int // LatestKey → place in queue
	done   bool
}

func newOutbox() *outbox {
	o := &outbox{latest: map[string]int{}}
	o.more.L, o.less.L = &o.mu, &o.mu
	return o
}

// post queues an event. One that waits under the same LatestKey is replaced in its place.
func (o *outbox) post(ev event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return
	}
	if l, ok := ev.(event.Latest); ok {
		key := l.LatestKey()
		if i, waits := o.latest[key]; waits {
			o.queue[i] = ev
			return
		}
		o.latest[key] = len(o.queue)
	}
	o.queue = append(o.queue, ev)
	o.more.Signal()
}

// wait returns when the queue is not full. Called by links' readers, without any lock.
func (o *outbox) wait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > outboxMost && !o.done {
		o.less.Wait()
	}
}

// run hands events to post, in order, until ctx ends.
func (o *outbox) run(ctx context.Context, post func(event.Event)) {
	stop := context.AfterFunc(ctx, o.end)
	defer stop()
	defer o.end()
	for {
		o.mu.Lock()
		for len(o.queue) == 0 && !o.done {
			o.more.Wait()
		}
		batch := o.queue
		o.queue = nil
		clear(o.latest)
		done := o.done
		o.less.Broadcast()
		o.mu.Unlock()
		if done && len(batch) == 0 {
			return
		}
		for _, ev := range batch {
			post(ev)
		}
	}
}

func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = true
	o.more.Broadcast()
	o.less.Broadcast()
}
