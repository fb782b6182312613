package mesh

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
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
		h.peers[k] = &peer{key: k, up: true, linkPlace: linkPlace{since: h.now, from: standing.SourceOf(netip.MustParseAddr(addr), nil)}}
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

// Many sources at once don't keep out for good who comes later, and one host's link-local addresses count as few.
func TestFewLinksOfManySources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(4)
		h.seat(4, standing.Met, "10.0.0.1")
		got := map[bool]int{}
		flood := func(format string, n int) {
			for i := range n {
				addr := fmt.Sprintf(format, i/100, i%100)
				gives, ok := h.asks(standing.Heard, addr, true)
				if got[ok]++; ok {
					links := 0
					h.takePlaceLocked(gives, newcomer{key: key(200, 200), from: standing.SourceOf(netip.MustParseAddr(addr), nil), hello: wire.Hello{Links: &links}})
					h.seat(1, standing.Met, "10.0.0.1")
				}
			}
		}
		flood("fe80::%d:%d", 400)
		if got[true] == 0 || got[true] > 16 {
			t.Errorf("400 link-local addresses got %d places in 10 s", got[true])
		}
		flood("10.1.%d.%d", 400)
		if len(h.placed) > maxPlaced {
			t.Errorf("%d sources are remembered", len(h.placed))
		}
		time.Sleep(placeEvery)
		if _, ok := h.asks(standing.Heard, "10.0.0.3", true); !ok {
			t.Error("who comes after a flood is kept out")
		}
	})
}

// A known peer finds a place among strangers also where there are few links.
func TestKnownAmongFewLinks(t *testing.T) {
	h := newHall(4)
	h.seat(3, standing.Known, "10.0.0.1")
	met := h.seat(1, standing.Met, "10.0.0.2")
	if gives, ok := h.asks(standing.Known, "10.0.0.3", false); !ok || gives.key != met[0] {
		t.Errorf("%v gives its place up, %v", gives, ok)
	}
	if gives, ok := h.asks(standing.Heard, "10.0.0.3", false); ok {
		t.Errorf("%v gives its place up to a stranger", gives)
	}
}

// A peer that was sent away leaves us alone for a minute, also if the user named its address.
func TestSentAwayDoesNotDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		var ofB dials
		a, b := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2), ofB.option())
		b.Connect(a.addr)
		time.Sleep(time.Second)
		a.current(b.key()).ByeWith(wire.Bye{Reason: wire.ByeRoom})
		before := ofB.count()
		time.Sleep(59 * time.Second)
		if c := ofB.count() - before; c != 0 {
			t.Errorf("%d dials within a minute", c)
		}
		time.Sleep(10 * time.Second)
		if !linked(a, b) {
			t.Error("not linked after a minute")
		}
		quit(a, b)
	})
}

// A peer that had no place for us, or sent us away, is left alone for a minute. Without any link it is asked every 10 s.
func TestAloneAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(4)
		p := &peer{key: key(1, 1), triedAt: time.Now(), refusals: refusals{notBefore: time.Now().Add(time.Minute)}}
		p.wasFull = true
		for i, tc := range []struct {
			after time.Duration
			links int
			alone bool
		}{{0, 0, true}, {9 * time.Second, 0, true}, {time.Second, 0, false}, {0, 1, true}, {50 * time.Second, 1, false}} {
			time.Sleep(tc.after)
			h.links = tc.links
			if got := h.leavesAloneLocked(p); got != tc.alone {
				t.Errorf("step %d: left alone %v", i, got)
			}
		}
		p.wasFull, h.links, p.notBefore = false, 0, time.Now().Add(time.Minute)
		if time.Sleep(30 * time.Second); !h.leavesAloneLocked(p) {
			t.Error("a peer that refused us for another reason is dialled within a minute")
		}
	})
}

// A partition that refused as ours is dialled anew once a link is lost, but not soon after one joined two.
func TestLossLooksForPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(4)
		h.seat(1, standing.Met, "10.0.0.1")
		p := &peer{key: key(9, 9), routes: TCP(nil).Routes(netip.MustParseAddrPort("10.0.0.2:8080"))}
		h.peers[p.key] = p
		for _, joined := range []bool{false, true} {
			p.joinTries, p.joinNotBefore, h.joinAt = 5, time.Now().Add(time.Hour), time.Now().Add(time.Hour)
			if joined {
				h.joined = time.Now()
			}
			h.lookForPartitionsLocked()
			if again := p.joinNotBefore.IsZero() && h.joinAt.IsZero(); again == joined {
				t.Errorf("joined %v: dialled anew %v", joined, again)
			}
			time.Sleep(time.Minute)
		}
	})
}

// The user hears once that a peer has no place, while there is no link, however often it is dialled.
func TestNoPlaceIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1), func(c *setup) { c.MaxLinks = 1 })
		b := join(t, host(n, 2), identityOf(2))
		a.Connect(b.addr)
		time.Sleep(time.Second)
		late := join(t, host(n, 3), identityOf(3))
		for range 12 {
			late.Hint(a.key(), a.at())
			time.Sleep(5 * time.Second)
		}
		var bye *link.ByeError
		if got := late.troubles(); len(got) != 1 || !errors.As(got[0], &bye) || bye.Reason != wire.ByeFull {
			t.Errorf("trouble %v, want once that it is full", got)
		}
		quit(a, b, late)
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
		var mu sync.Mutex
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
				mu.Lock()
				defer mu.Unlock()
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
		mu.Lock()
		if got := len(a.Links()); got != 32 || byes[wire.ByeRoom] != 1 || contacts != wire.MaxByePeers {
			t.Errorf("%d links; byes %v with %d others to dial", got, byes, contacts)
		}
		mu.Unlock()
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
