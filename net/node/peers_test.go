package node

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
)

// Keys that came and went are remembered up to a number; the one that was lost first is forgotten, and
// no one who is linked.
func TestPeersAreBounded(t *testing.T) {
	together(t, 16, 2, func(t *testing.T, w *town, ps []*person) {
		n := ps[0].Node
		gone := func(i int) identity.Key { return identity.FromSeed([32]byte{9, 9, byte(i), byte(i >> 8)}).Key() }
		n.mu.Lock()
		for i := 0; len(n.mu.peers) < maxPeers; i++ {
			key := gone(i)
			n.mu.peers[key] = &peer{Peer: event.Peer{ID: key.ID().String(), Key: key, State: event.Lost}, lostAt: time.Now().Add(time.Duration(i) * time.Millisecond)}
		}
		n.mu.Unlock()
		for range 2 {
			ps = append(ps, w.move(len(ps)))
			pass(5 * time.Second)
		}
		if s := n.Status(); s.Peers != 3 {
			t.Errorf("%d peers are up", s.Peers)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.mu.peers) != maxPeers || n.mu.peers[gone(0)] != nil || n.mu.peers[gone(1)] != nil || n.mu.peers[gone(2)] == nil {
			t.Errorf("%d are remembered; of the first three gone %v, %v, %v", len(n.mu.peers), n.mu.peers[gone(0)], n.mu.peers[gone(1)], n.mu.peers[gone(2)])
		}
		for _, p := range ps[1:] {
			if q := n.mu.peers[p.cfg.Identity.Key()]; q == nil || q.link == nil {
				t.Errorf("%s is forgotten", p.cfg.Name)
			}
		}
	})
}

// Without discovery, a third peer that names only the second meets the first too.
func TestPeersIntroduceEachOther(t *testing.T) {
	inTown(t, 19, func(t *testing.T, w *town) {
		naming := func(at ...string) func(*Config) {
			return func(c *Config) { c.NoDiscovery, c.Connect = true, at }
		}
		first := w.move(0, naming())
		second := w.move(1, naming("10.0.0.1:8080"))
		third := w.move(2, naming("10.0.0.2:8080"))
		w.until("all linked", func() bool {
			return first.Status().Peers == 2 && second.Status().Peers == 2 && third.Status().Peers == 2
		})
	})
}
