package tui

import (
	"fmt"
	"time"

	"chat.lan/p2pchat/net/event"
)

// rateTime is how long bytes are counted before they become a rate. Counters come once a second, but only of links that
// carry something.
const (
	rateTime   = 2 * time.Second
	statsTime  = time.Second
	silentTime = rateTime + statsTime/2 // after it no counters are waited for
)

// rates is how many bytes come in and go out, over the links to all peers.
type rates struct {
	byPeer  map[string]event.Peer // as counted last, by uuid; present peers only
	in, out int64                 // bytes since
	since   time.Time
	inRate  float64 // bytes a second
	outRate float64
}

// count takes in a peer's byte counters.
func (r *rates) count(now time.Time, p event.Peer) {
	if r.byPeer == nil {
		r.byPeer, r.since = map[string]event.Peer{}, now
	}
	if r.isQuiet() && now.Sub(r.since) > rateTime {
		r.since = now.Add(-statsTime) // these bytes are of the last second, not of the silence before
	}
	if old, ok := r.byPeer[p.ID]; ok {
		r.in += max(p.In-old.In, 0)
		r.out += max(p.Out-old.Out, 0)
	}
	r.byPeer[p.ID] = p
	r.update(now)
}

// update makes a rate of the bytes counted, once they were counted for rateTime.
func (r *rates) update(now time.Time) {
	if d := now.Sub(r.since); d >= rateTime && !r.isQuiet() {
		r.inRate, r.outRate = float64(r.in)/d.Seconds(), float64(r.out)/d.Seconds()
		r.in, r.out, r.since = 0, 0, now
	}
}

// isQuiet reports whether the rates are 0, and nothing was counted since.
func (r *rates) isQuiet() bool { return r.in == 0 && r.out == 0 && r.inRate == 0 && r.outRate == 0 }

// forget drops the counters of a peer that has gone: those of its next link begin at 0.
func (r *rates) forget(id string) { delete(r.byPeer, id) }

// next returns when expire has something to do, or the zero time.
func (r *rates) next() time.Time {
	if r.isQuiet() {
		return time.Time{}
	}
	return r.since.Add(silentTime)
}

// expire updates the rates when no counters have come for some time.
func (r *rates) expire(now time.Time) {
	if now.Sub(r.since) >= silentTime {
		r.update(now)
	}
}

// formatRate returns bytes a second in a width that stays the same up to a gigabyte.
func formatRate(f float64) string {
	switch f /= 1000; {
	case f < 99.95:
		return fmt.Sprintf("%4.1f k", f)
	case f < 999.5:
		return fmt.Sprintf("%4.0f k", f)
	}
	return fmt.Sprintf("%4.0f M", f/1000)
}
