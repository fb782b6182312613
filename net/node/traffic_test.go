package node

import (
	"testing"
	"time"

	"chat.lan/p2pchat/net/memnet"
)

// headers is what a segment costs on the wire beside its bytes: its own headers of Ethernet, IP and TCP, and those of an
// acknowledgement for every second one.
const headers = 66 + 66/2

// onWire returns how many bytes the town's streams have cost so far.
func (w *town) onWire() float64 {
	s := w.net.Traffic()
	return float64(s.Bytes + headers*s.Segments)
}

// isWhole reports whether everyone is linked to everyone.
func (w *town) isWhole() bool {
	for _, p := range w.people {
		if len(p.mesh.Links()) != len(w.people)-1 {
			return false
		}
	}
	return true
}

// A large room costs little: when all come at once, when one more comes, and while nothing happens.
func TestTrafficOfALargeRoom(t *testing.T) {
	inTown(t, 54, func(t *testing.T, w *town) {
		const people = 36
		limit := func(what string, got, most float64) {
			t.Helper()
			t.Logf("%s: %.0f", what, got)
			if got > most {
				t.Errorf("%s: %.0f, want at most %.0f", what, got, most)
			}
		}
		whole := func(what string) {
			t.Helper()
			began := time.Now()
			for !w.isWhole() && time.Since(began) < time.Minute {
				pass(50 * time.Millisecond)
			}
			limit("ms until whole after "+what, float64(time.Since(began).Milliseconds()), 3000)
		}
		w.crowd(people)
		whole("a start")
		pass(4 * time.Second)
		limit("bytes of a start", w.onWire(), 10e6)

		before := w.onWire()
		pass(time.Minute)
		idle := (w.onWire() - before) / 60
		limit("bytes a second while nothing happens", idle, 85e3)

		before = w.onWire()
		w.move(people)
		whole("a join")
		pass(10 * time.Second)
		limit("bytes of a join", w.onWire()-before-10*idle, 1e6)
	})
}

// When many start at once where each handshake takes long, few pairs shake hands twice.
func TestAStartCrossesFewDials(t *testing.T) {
	inTown(t, 58, func(t *testing.T, w *town) {
		const people, pairs = 24, 24 * 23 / 2
		w.net.SetDefault(memnet.Link{MinLatency: 150 * time.Millisecond, MaxLatency: 250 * time.Millisecond})
		w.crowd(people)
		began := time.Now()
		for !w.isWhole() && time.Since(began) < time.Minute {
			pass(50 * time.Millisecond)
		}
		conns := w.net.Traffic().Conns
		t.Logf("%d connections for %d pairs, whole after %v", conns, pairs, time.Since(began))
		if conns > pairs*5/4 {
			t.Errorf("%d connections for %d pairs", conns, pairs)
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("whole after %v", took)
		}
	})
}
