package mesh

import (
	"testing"
	"time"

	"chat.lan/p2pchat/net/standing"
)

// Keys that were sent away cost nothing, so they make room like those that were never linked, and before real peers.
func TestExpelledPeersMakeRoom(t *testing.T) {
	h := newHall(4)
	h.hints = map[standing.Source]int{}
	forgotten := 0
	for i := range maxPeers {
		p := &peer{key: key(byte(i), byte(i>>8)), wasLinked: true, heardOf: h.now, forget: func() { forgotten++ }}
		if i%2 == 1 {
			p.expelledUntil = time.Now().Add(time.Minute)
		}
		h.peers[p.key] = p
	}
	for range maxPeers / 2 {
		if !h.forgetOneLocked(standing.Source{}) {
			t.Fatal("no room")
		}
	}
	for _, p := range h.peers {
		if !p.expelledUntil.IsZero() {
			t.Fatal("a real peer made room before an expelled one")
		}
	}
	if len(h.peers) != maxPeers/2 || forgotten != maxPeers/2 {
		t.Errorf("%d peers are left, %d were forgotten", len(h.peers), forgotten)
	}
}
