package mesh

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// few has a member say how many links it has, of which it can have most.
func few(most int, m **member) option {
	return func(c *setup) {
		c.MaxLinks = most
		hello := c.Link.Hello
		c.Link.Hello = func() wire.Hello {
			h, links := hello(), 0
			if *m != nil {
				links = len((*m).Links())
			}
			h.Links = &links
			return h
		}
	}
}

// joinFew starts a member that can have so many links.
func joinFew(t *testing.T, n *memnet.Network, i, most int) (m *member) {
	m = join(t, host(n, i+1), identity.FromSeed([32]byte{byte(i), byte(i >> 8), 7}), few(most, &m))
	return m
}

// live lets time pass, in which members hear each other's beacons every 5 s, and their neighbours' Links every second.
func live(d time.Duration, all ...*member) {
	byKey := map[identity.Key]*member{}
	for _, m := range all {
		byKey[m.key()] = m
	}
	began := time.Now()
	for i := 0; time.Since(began) < d; i++ {
		if i%5 == 0 {
			for _, a := range all {
				for _, b := range all {
					a.Hint(b.key(), b.at())
				}
			}
		}
		for _, m := range all {
			for _, l := range m.Links() {
				if other := byKey[l.Key()]; other != nil {
					m.SetNeighbours(l, other.neighbours())
				}
			}
		}
		time.Sleep(time.Second)
	}
}

// neighbours returns the keys that a member is linked to.
func (m *member) neighbours() identity.KeySet {
	var keys []identity.Key
	for _, l := range m.Links() {
		keys = append(keys, l.Key())
	}
	return identity.NewKeySet(keys...)
}

// islandsAfter lets time pass until the members are one room. It returns how long that took, or how many islands
// there are after the longest time.
func islandsAfter(most time.Duration, all ...*member) (took time.Duration, n int) {
	for began := time.Now(); ; {
		live(time.Second, all...)
		if n = islands(all); n == 1 || time.Since(began) >= most {
			return time.Since(began), n
		}
	}
}

// Nine peers of at most four links each are one room, also when three of them go: those that have most links, or any.
func TestFewPlacesAreOneRoom(t *testing.T) {
	for seed := range 12 {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, uint64(seed), 5*time.Millisecond)
			var all []*member
			for i := range 9 {
				all = append(all, joinFew(t, n, 100*seed+i, 4))
			}
			if took, got := islandsAfter(20*time.Second, all...); got != 1 {
				t.Errorf("seed %d: %d islands after %v", seed, got, took)
			}
			gone, rest := all[:3], all[3:]
			for _, m := range gone {
				n.Host(netip.MustParseAddrPort(m.addr).Addr()).BreakConns()
				m.port.Close()
				m.group.Close()
			}
			if took, got := islandsAfter(20*time.Second, rest...); got != 1 {
				t.Errorf("seed %d: %d islands %v after three went", seed, got, took)
			}
			live(time.Minute, rest...)
			if got := islands(rest); got != 1 {
				t.Errorf("seed %d: %d islands later", seed, got)
			}
			quit(rest...)
		})
	}
}

// Cliques whose members all have as many links as they can have become one room, once they hear of each other.
func TestFullPartitionsJoin(t *testing.T) {
	for seed := range 6 {
		for _, cliques := range []int{2, 3, 5} {
			t.Run(fmt.Sprint(cliques, " cliques, seed ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := network(t, uint64(seed), 5*time.Millisecond)
					var all []*member
					for c := range cliques {
						var clique []*member
						for i := range 5 {
							clique = append(clique, joinFew(t, n, 100*seed+10*c+i, 4))
						}
						live(10*time.Second, clique...)
						for _, m := range clique {
							if len(m.Links()) != 4 {
								t.Fatalf("a clique of 5 whose members have %d links", len(m.Links()))
							}
						}
						all = append(all, clique...)
					}
					took, got := islandsAfter(2*time.Minute, all...)
					t.Logf("%d islands after %v", got, took)
					if most := 20 * time.Second; got != 1 || cliques == 2 && took > most {
						t.Errorf("%d islands after %v", got, took)
					}
					live(2*time.Minute, all...)
					if got := islands(all); got != 1 {
						t.Errorf("%d islands later", got)
					}
					for _, m := range all {
						if got := len(m.Links()); got > 4 {
							t.Errorf("%d links", got)
						}
					}
					quit(all...)
				})
			})
		}
	}
}

// No link is given up while the room is one: neither among nearly as many peers as there can be links, nor where some
// are three or four links apart.
func TestWholeRoomKeepsItsLinks(t *testing.T) {
	for name, tc := range map[string]struct{ peers, links int }{"26 of 20 links": {26, 20}, "16 of 4 links": {16, 4}} {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, 1, 5*time.Millisecond)
			var all []*member
			for i := range tc.peers {
				all = append(all, joinFew(t, n, i, tc.links))
			}
			live(2*time.Minute, all...)
			if got := islands(all); got != 1 {
				t.Fatalf("%s: %d islands", name, got)
			}
			before := byes(all)
			live(5*time.Minute, all...)
			if after := byes(all); after != before {
				t.Errorf("%s: %d links were given up in a whole room", name, after-before)
			}
			quit(all...)
		})
	}
}

// byes counts the links that ended.
func byes(all []*member) (n int) {
	for _, m := range all {
		m.diary.mu.Lock()
		n += len(m.diary.over)
		m.diary.mu.Unlock()
	}
	return n
}

// In a room of 134 with 128 links each, a peer that isn't linked is left in peace while one neighbour of 128 names it.
func TestUnlinkedButNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(MaxLinks)
		linked := h.seat(MaxLinks, standing.Heard, "10.0.0.1")
		var others []identity.Key
		for i := range 5 {
			k := key(byte(i), 222)
			h.peers[k] = &peer{key: k, routes: TCP(nil).Routes(netip.MustParseAddrPort("10.0.0.2:8080"))}
			others = append(others, k)
		}
		h.peers[linked[7]].neighbours = identity.NewKeySet(others...)
		chosen := func(d time.Duration) (p *peer) {
			for end := time.Now().Add(d); p == nil && time.Now().Before(end); time.Sleep(time.Second) {
				for _, k := range others {
					h.Hint(k, h.peers[k].routes, standing.Source{})
				}
				p = h.peerApart()
			}
			return p
		}
		if p := chosen(time.Hour); p != nil {
			t.Errorf("%v is dialled, though a neighbour is linked to it", p.key)
		}
		h.peers[linked[7]].neighbours = nil
		began := time.Now()
		if p, took := chosen(time.Minute), time.Since(began); p == nil || took < apartAfter || took > apartAfter+joinSpread+2*time.Second {
			t.Errorf("%v is dialled after %v", p, took)
		}
	})
}

// Peers that are made up: announced by beacons, and reachable nowhere.
func TestMadeUpPartitionCostsNoLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 5*time.Millisecond)
		var all []*member
		for i := range 5 {
			all = append(all, joinFew(t, n, i, 4))
		}
		live(10*time.Second, all...)
		before := byes(all)
		for i := range 600 {
			if i%5 == 0 {
				for f := range 40 {
					for _, m := range all {
						m.Hint(key(byte(f), 77), []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(f % 16)}), 8080)})
					}
				}
			}
			live(time.Second, all...)
		}
		if after := byes(all); after != before {
			t.Errorf("%d links were given up for peers that don't exist", after-before)
		}
		// Those that exist are found all the same.
		var others []*member
		for i := range 5 {
			others = append(others, joinFew(t, n, 50+i, 4))
		}
		live(10*time.Second, others...)
		took, got := islandsAfter(3*time.Minute, append(slices.Clone(all), others...)...)
		t.Logf("found beside 40 made-up peers after %v", took)
		if got != 1 {
			t.Errorf("%d islands after %v beside made-up peers", got, took)
		}
		quit(append(all, others...)...)
	})
}

// A known peer gives its place up to no peer of another partition, and one of a crowded source goes first.
func TestWhoGivesWayToAnotherPartition(t *testing.T) {
	h := newHall(5)
	h.seat(2, standing.Known, "10.0.0.1")
	crowd := h.seat(2, standing.Heard, "10.0.0.2")
	h.seat(1, standing.Heard, "10.0.0.3")
	none := 0
	n := newcomer{key: key(200, 200), from: standing.SourceOf(netip.MustParseAddr("10.0.0.2"), nil), hello: wire.Hello{Links: &none, Near: []string{"00"}}}
	for _, dialled := range []bool{false, true} {
		n.dialled = dialled
		if gives, ok := h.placeForLocked(n); !ok || gives.key != crowd[1] {
			t.Errorf("dialled %v: %v gives its place up, %v", dialled, gives, ok)
		}
	}
	h.peers[crowd[0]].neighbours = identity.NewKeySet(key(9, 9))
	n.dialled, n.hello.Near = false, []string{wire.NearKey(key(9, 9))}
	if gives, ok := h.placeForLocked(n); ok {
		t.Errorf("%v gives its place up to a peer that reaches whom we reach", gives)
	}
	h.peers[crowd[0]].neighbours = identity.NewKeySet(n.key)
	n.dialled = true
	if gives, ok := h.placeForLocked(n); ok {
		t.Errorf("%v gives its place up to a peer that a neighbour is linked to", gives)
	}
	h = newHall(4)
	h.seat(4, standing.Known, "10.0.0.1")
	n.hello.Near = []string{"00"}
	if gives, ok := h.placeForLocked(n); ok {
		t.Errorf("known %v gives its place up", gives)
	}
}

// islands counts the parts of a mesh that no link connects.
func islands(all []*member) (n int) {
	seen := map[identity.Key]bool{}
	byKey := map[identity.Key]*member{}
	for _, m := range all {
		byKey[m.key()] = m
	}
	var visit func(m *member)
	visit = func(m *member) {
		if seen[m.key()] {
			return
		}
		seen[m.key()] = true
		for _, l := range m.Links() {
			if other := byKey[l.Key()]; other != nil {
				visit(other)
			}
		}
	}
	for _, m := range all {
		if !seen[m.key()] {
			n++
			visit(m)
		}
	}
	return n
}
