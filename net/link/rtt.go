package link

import (
	"sync"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// rtt makes pings and measures by the answers.
type rtt struct {
	epoch time.Time

	mu     sync.Mutex
	n      uint64
	sent   [4]wire.Ping // the last few, for answers that are slower than the next ping
	smooth time.Duration
}

// next is the ping to send now.
func (r *rtt) next(frontier map[string]string) wire.Ping {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	p := wire.Ping{N: r.n, Stamp: int64(time.Since(r.epoch)), Frontier: frontier}
	r.sent[r.n%uint64(len(r.sent))] = wire.Ping{N: p.N, Stamp: p.Stamp}
	return p
}

// answered takes a pong. One that answers none of the last pings, or a second time, is ignored.
func (r *rtt) answered(p wire.Pong) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.sent[p.N%uint64(len(r.sent))]
	if p.N == 0 || s.N != p.N || s.Stamp != p.Stamp {
		return
	}
	// A clock that ticks coarsely may see no time pass; 0 would say that nothing was measured.
	took := max(time.Since(r.epoch)-time.Duration(s.Stamp), time.Nanosecond)
	*s = wire.Ping{}
	if r.smooth == 0 {
		r.smooth = took
	} else {
		r.smooth += (took - r.smooth) / 4
	}
}

func (r *rtt) smoothed() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.smooth
}
