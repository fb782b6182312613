package mesh

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// hall is a mesh's table of peers without links, to ask who has a place.
type hall struct {
	*Mesh
	levels map[identity.Key]standing.Level
	now    time.Time
}

func newHall(max int) *hall {
	h := &hall{levels: map[identity.Key]standing.Level{}, now: time.Now()}
	h.Mesh = &Mesh{
		cfg:   Config{MaxLinks: max, Level: func(key identity.Key) standing.Level { return h.levels[key] }},
		peers: map[identity.Key]*peer{}, placed: map[standing.Source]time.Time{},
	}
	return h
}

// seat links n keys of a level and an address, one after the other.
func (h *hall) seat(n int, l standing.Level, addr string) (keys []identity.Key) {
	for range n {
		k := key(byte(len(h.peers)), byte(len(h.peers)>>8))
		h.now = h.now.Add(time.Second)
		h.peers[k] = &peer{key: k, up: true, since: h.now, from: standing.SourceOf(netip.MustParseAddr(addr), nil)}
		h.levels[k] = l
		h.links++
		keys = append(keys, k)
	}
	return keys
}

// asks is what a new key of a level and an address gets: the place of which key, or none.
func (h *hall) asks(l standing.Level, addr string, few bool) (gives *peer, ok bool) {
	k := key(200, 200)
	h.levels[k] = l
	n := newcomer{key: k, from: standing.SourceOf(netip.MustParseAddr(addr), nil)}
	links := 2
	if few {
		links = 1
	}
	n.hello.Links = &links
	return h.placeForLocked(n)
}

func TestPlaces(t *testing.T) {
	const max = 12
	for name, tc := range map[string]struct {
		seat func(h *hall) []identity.Key // returns those of which one gives its place up
		l    standing.Level
		addr string
		few  bool
		ok   bool
	}{
		"room for all of one address": {func(h *hall) []identity.Key { h.seat(max-1, standing.Heard, "10.0.0.1"); return nil }, standing.Heard, "10.0.0.1", false, true},
		"of the address with most, the one that came last": {func(h *hall) []identity.Key {
			all := h.seat(max-2, standing.Heard, "10.0.0.1")
			h.seat(2, standing.Heard, "10.0.0.2")
			return all[len(all)-1:]
		}, standing.Heard, "10.0.0.3", false, true},
		"one more of the address with most": {func(h *hall) []identity.Key { h.seat(max, standing.Heard, "10.0.0.1"); return nil }, standing.Heard, "10.0.0.1", false, false},
		"a ninth of an address, though another has more": {func(h *hall) []identity.Key {
			h.seat(maxOfSource, standing.Heard, "10.0.0.1")
			h.seat(4, standing.Heard, "10.0.0.2")
			return nil
		}, standing.Heard, "10.0.0.1", false, false},
		"met before heard": {func(h *hall) []identity.Key {
			one := h.seat(1, standing.Heard, "10.0.0.1")
			h.seat(max-1, standing.Met, "10.0.0.2")
			return one
		}, standing.Met, "10.0.0.3", false, true},
		"heard where all are met": {func(h *hall) []identity.Key { h.seat(max, standing.Met, "10.0.0.2"); return nil }, standing.Heard, "10.0.0.3", false, false},
		"heard with few links where all are met": {func(h *hall) []identity.Key {
			all := h.seat(max-3, standing.Met, "10.0.0.2")
			h.seat(3, standing.Met, "10.0.0.4")
			return all[len(all)-1:]
		}, standing.Heard, "10.0.0.3", true, true},
		"few links where all are known": {func(h *hall) []identity.Key { h.seat(max, standing.Known, "10.0.0.2"); return nil }, standing.Met, "10.0.0.3", true, false},
		"few links beside known ones": {func(h *hall) []identity.Key {
			h.seat(max-1, standing.Known, "10.0.0.2")
			return h.seat(1, standing.Met, "10.0.0.4")
		}, standing.Heard, "10.0.0.3", true, true},
		"known where all are met": {func(h *hall) []identity.Key {
			all := h.seat(max, standing.Met, "10.0.0.2")
			return all[len(all)-1:]
		}, standing.Known, "10.0.0.2", false, true},
		"few links, of the address with most": {func(h *hall) []identity.Key {
			all := h.seat(max, standing.Heard, "10.0.0.1")
			return all[len(all)-1:]
		}, standing.Heard, "10.0.0.1", true, true},
	} {
		h := newHall(max)
		want := tc.seat(h)
		gives, ok := h.asks(tc.l, tc.addr, tc.few)
		if ok != tc.ok || (gives != nil) != (len(want) == 1) || gives != nil && gives.key != want[0] {
			t.Errorf("%s: a place %v, want %v; %v gives it up, want %v", name, ok, tc.ok, gives, want)
		}
	}
}

// A peer's word that it has few links is good once in 10 s for each address.
func TestFewLinksOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(4)
		h.seat(4, standing.Met, "10.0.0.1")
		one, two := "10.0.0.3", "10.0.0.4"
		take := func(addr string) bool {
			gives, ok := h.asks(standing.Heard, addr, true)
			if ok {
				links := 0
				h.takePlaceLocked(gives, newcomer{key: key(200, 200), from: standing.SourceOf(netip.MustParseAddr(addr), nil), hello: wire.Hello{Links: &links}})
				h.seat(1, standing.Met, "10.0.0.1")
			}
			return ok
		}
		for i, tc := range []struct {
			after time.Duration
			addr  string
			want  bool
		}{{0, one, true}, {time.Second, one, false}, {0, two, true}, {8 * time.Second, one, false}, {time.Second, one, true}, {0, two, false}} {
			time.Sleep(tc.after)
			if got := take(tc.addr); got != tc.want {
				t.Errorf("step %d: %v", i, got)
			}
		}
	})
}

// A stranger beside an attacker that holds every place by 16 addresses for so long that it was met is linked within 2 s
// all the same. Whoever gives its place up isn't dialled and doesn't dial for a minute, and is told of others.
func TestNewcomerBesideAFullHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		var full option = func(c *setup) { c.MaxLinks = 32 }
		known := identityOf(50)
		a := join(t, host(n, 1), identityOf(1), full, func(c *setup) {
			c.Level = func(key identity.Key) standing.Level {
				if key == known.Key() {
					return standing.Known
				}
				return standing.Met
			}
		})
		friend := join(t, host(n, 2), known)
		friend.Connect(a.addr)
		time.Sleep(time.Second)
		byes := map[string]int{}
		contacts := 0
		for i := range 31 {
			cfg, _ := settings(t, identity.FromSeed([32]byte{byte(i), 9}), 1000+i)
			conn, err := host(n, 300+i%16).DialContext(t.Context(), "tcp", a.addr)
			if err != nil {
				t.Fatal(err)
			}
			l, err := link.Client(t.Context(), conn, cfg.Link, a.key())
			if err != nil {
				t.Fatal(err)
			}
			l.Start(downOnly{newDiary(t), func(why error) {
				if bye, ok := why.(*link.ByeError); ok {
					byes[bye.Reason]++
					contacts = len(bye.Peers)
				}
			}}, nil)
		}
		synctest.Wait()
		if got := len(a.Links()); got != 32 {
			t.Fatalf("%d links", got)
		}
		began := time.Now()
		late := join(t, host(n, 3), identityOf(3), func(c *setup) {
			hello, none := c.Link.Hello, 0
			c.Link.Hello = func() wire.Hello { h := hello(); h.Links = &none; return h }
		})
		late.Connect(a.addr)
		for !linked(a, late) && time.Since(began) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the newcomer was linked after %v", took)
		}
		time.Sleep(time.Second)
		if got := len(a.Links()); got != 32 || byes[wire.ByeRoom] != 1 || contacts != wire.MaxByePeers {
			t.Errorf("%d links; byes %v with %d others to dial", got, byes, contacts)
		}
		if !linked(a, friend) {
			t.Error("a known peer gave its place up")
		}
		a.Mesh.mu.Lock()
		if a.Mesh.links != 32 {
			t.Errorf("%d links are counted", a.Mesh.links)
		}
		a.Mesh.mu.Unlock()
		quit(a, late, friend)
	})
}

// downOnly is a link.Handler without a mesh, for a link's end.
type downOnly struct {
	*diary
	down func(why error)
}

func (d downOnly) Down(_ *link.Link, why error) { d.down(why) }

// Nine peers of at most four links each are one room: all reach all over others, also when three of them go.
func TestFewPlacesAreOneRoom(t *testing.T) {
	for seed := range byte(8) {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, uint64(seed), 5*time.Millisecond)
			var all []*member
			for i := range byte(9) {
				var m *member
				m = join(t, host(n, int(i)+1), identityOf(10*seed+i), func(c *setup) {
					c.MaxLinks = 4
					hello := c.Link.Hello
					c.Link.Hello = func() wire.Hello {
						h, links := hello(), 0
						if m != nil {
							links = len(m.Links())
						}
						h.Links = &links
						return h
					}
				})
				all = append(all, m)
			}
			beacons(20*time.Second, all...)
			if got := islands(all); got != 1 {
				t.Errorf("seed %d: %d islands", seed, got)
			}
			quit(all[:3]...)
			beacons(20*time.Second, all[3:]...)
			if got := islands(all[3:]); got != 1 {
				t.Errorf("seed %d: %d islands after three went", seed, got)
			}
			quit(all[3:]...)
		})
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
