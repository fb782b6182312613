package tui

import (
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

// The rate follows what links carry, and is 0 soon after they carry nothing, when no counters come.
func TestRatesFollowWhatLinksCarry(t *testing.T) {
	var r rates
	total := int64(0)
	wants := map[int]float64{10: 100, 11: 100, 12: 100, 13: 100, 18: 0, 29: 0, 30: 0, 31: 100, 32: 100, 33: 100, 34: 100, 39: 0} // kB/s
	for second := range 40 {
		now := noon.Add(time.Duration(second) * time.Second)
		r.expire(now)
		if second < 14 || second > 29 && second < 35 {
			total += 100_000
			r.count(now, event.Peer{ID: "bob", In: total, Out: total / 2})
		}
		if want, any := wants[second]; any && r.inRate != want*1000 {
			t.Errorf("after %d s %.0f bytes a second come in, want %.0f", second, r.inRate, want*1000)
		}
		if r.outRate != r.inRate/2 {
			t.Errorf("after %d s: %.0f in, %.0f out, want half of that", second, r.inRate, r.outRate)
		}
	}
	if at := r.next(); !at.IsZero() {
		t.Errorf("in silence there is something to do at %v", at)
	}
}
