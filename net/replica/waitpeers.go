package replica

import (
	"context"
	"slices"
	"time"
)

// WaitDelivered waits until every linked peer has acknowledged all that was sent, but for those that refuse it.
func (r *Replica) WaitDelivered(ctx context.Context) error {
	for {
		r.mu.Lock()
		_, seq, any := r.room.OwnFeed()
		waiting := any && slices.ContainsFunc(r.mu.linked, func(p *peer) bool { return p.acked < seq+1 && !p.refusesAuthor(r.cfg.Identity.Key()) })
		changed := r.mu.changed
		r.mu.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// When WaitWritable returns, and how often it looks at all links.
const (
	writable  = 256  // small frames that still fit into a live queue
	ahead     = 4096 // records that a slow peer may lack
	lookAgain = 50 * time.Millisecond
)

// WaitWritable waits until the fastest link has room in its queue; while no peer is here, until one
// is. heard reports whether there is someone to hear a message although no link is up.
func (r *Replica) WaitWritable(ctx context.Context, heard func() bool) error {
	for {
		r.mu.Lock()
		l, space := r.fastestLocked()
		changed := r.mu.changed
		r.mu.Unlock()
		if space > writable || l == nil && heard() {
			return nil
		}
		// Only for a moment: another link may become the fastest while this link is stuck.
		waiting, cancel := context.WithTimeout(ctx, lookAgain)
		if l != nil && l.WaitLive(waiting) == nil {
			cancel()
			return nil
		}
		select {
		case <-changed:
		case <-waiting.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// fastestLocked returns the link with the most room for live records, of the peers that aren't slow.
// When all are slow, their empty queues say nothing: then there is room as long as one of them
// acknowledges, and a change to wait for, no link.
func (r *Replica) fastestLocked() (l Link, space int) {
	for _, p := range r.mu.linked {
		if s := p.link.LiveSpace(); !p.slow[r.cfg.Identity.Key()] && (l == nil || s > space) {
			l, space = p.link, s
		}
	}
	if l != nil {
		return l, space
	}
	_, seq, _ := r.room.OwnFeed()
	if slices.ContainsFunc(r.mu.linked, func(p *peer) bool { return seq < p.acked+ahead }) {
		space = writable + 1
	}
	return nil, space
}
