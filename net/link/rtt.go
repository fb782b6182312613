package link

import (
	"sync"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// rtt numbers pings and measures the round-trip time by their answers.
type rtt struct {
	epoch time.Time

	mu     sync.Mutex
	n      uint64
	sent   [4]wire.Ping // the last ones, for answers that come after the next ping
	smooth time.Duration
}

// next returns the ping to send now.
func (r *rtt) next(frontier map[string]string) wire.Ping {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	p := wire.Ping{N: r.n, Stamp: int64(time.Since(r.epoch)), Frontier: frontier}
	r.sent[r.n%uint64(len(r.sent))] = wire.Ping{N: p.N, Stamp: p.Stamp}
	return p
}

// record takes a pong. It ignores a pong that answers none of the last pings, or one of them again.
func (r *rtt) record(p wire.Pong) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.sent[p.N%uint64(len(r.sent))]
	if p.N == 0 || s.N != p.N || s.Stamp != p.Stamp {
		return
	}
	// Never 0, which means that nothing was measured: a coarse clock may see no time pass.
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
