package node

import (
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

// The numbers of a peer are posted while its link carries something: of a quiet one with its pings, two every 5 s.
func TestStatsFollowTheLink(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		var posted atomic.Int64
		w.before = func(i int, ev event.Event) {
			if stats, ok := ev.(event.PeerStats); ok && i == 0 {
				posted.Add(1)
				if stats.Peer.In == 0 || stats.Peer.Out == 0 {
					t.Errorf("%+v", stats.Peer)
				}
			}
		}
		ps := w.crowd(2)
		pass(10 * time.Second)
		posted.Store(0)
		pass(time.Minute)
		if n := posted.Load(); n < 12 || n > 36 {
			t.Errorf("posted %d times in a quiet minute, want 12 to 36", n)
		}
		posted.Store(0)
		for range 20 {
			ps[1].Say("hello")
			pass(time.Second)
		}
		if n := posted.Load(); n < 19 {
			t.Errorf("posted %d times while 20 messages came, one a second", n)
		}
	})
}
