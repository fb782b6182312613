package node

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// fewLinks starts n people who can have four links each.
func (w *town) fewLinks(n int) []*person {
	for i := range n {
		w.move(i, func(c *Config) { c.MaxLinks = 4 })
	}
	return w.people
}

// partitions counts the parts of a room that no link connects.
func partitions(people []*person) (n int) {
	byKey := map[identity.Key]*person{}
	for _, p := range people {
		byKey[p.Self().Key] = p
	}
	seen := map[*person]bool{}
	var visit func(p *person)
	visit = func(p *person) {
		seen[p] = true
		for _, l := range p.mesh.Links() {
			if other := byKey[l.Key()]; other != nil && !seen[other] {
				visit(other)
			}
		}
	}
	for _, p := range people {
		if !seen[p] {
			n++
			visit(p)
		}
	}
	return n
}

// wholeWithin waits until people are one room, and fails if that takes longer.
func wholeWithin(t *testing.T, what string, most time.Duration, people []*person) {
	t.Helper()
	for began := time.Now(); partitions(people) > 1; pass(100 * time.Millisecond) {
		if time.Since(began) > most {
			t.Errorf("%s: %d partitions after %v", what, partitions(people), most)
			return
		}
	}
}

// hearWithin has everyone say something, and fails if someone else hasn't heard it in time.
func hearWithin(t *testing.T, what string, most time.Duration, people []*person) {
	t.Helper()
	for i, p := range people {
		text := fmt.Sprint(what, " ", i)
		p.Say(text)
		pass(most)
		for _, q := range people {
			if heard := q.texts(""); q != p && !slices.Contains(heard, text) {
				t.Errorf("%q isn't at everyone after %v", text, most)
				break
			}
		}
	}
}

// kill ends a person's program at once, without a goodbye.
func (w *town) kill(p *person) {
	p.host.BreakConns()
	p.group.Close()
	w.people = slices.DeleteFunc(slices.Clone(w.people), func(q *person) bool { return q == p })
}

// Nine people with four links each are one room: a message is at everyone within a second. When three of them are
// killed, the others are one room again within 20 s.
func TestNineOfFourLinks(t *testing.T) {
	for seed := range uint64(6) {
		inTown(t, seed, func(t *testing.T, w *town) {
			w.fewLinks(9)
			pass(20 * time.Second)
			wholeWithin(t, "at first", 0, w.people)
			hearWithin(t, "at first", time.Second, w.people)
			rng := rand.New(rand.NewPCG(seed, 1))
			for range 3 {
				w.kill(w.people[rng.IntN(len(w.people))])
			}
			wholeWithin(t, "without three", 20*time.Second, w.people)
			pass(10 * time.Second) // whoever has just been linked catches up
			hearWithin(t, "without three", time.Second, w.people)
		})
	}
}

// Two groups of five, all with as many links as they can have, become one room when they meet, and hear what was said.
func TestFullGroupsMeet(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		var one, other []netip.Addr
		for i := range 5 {
			one, other = append(one, addr(i)), append(other, addr(5+i))
		}
		w.net.Partition(one, other)
		all := w.fewLinks(10)
		pass(20 * time.Second)
		if n := partitions(all); n != 2 {
			t.Fatalf("%d partitions", n)
		}
		all[0].Say("while apart")
		w.net.Heal()
		wholeWithin(t, "once they meet", 20*time.Second, all)
		pass(20 * time.Second)
		if !slices.Contains(all[9].texts("p0"), "while apart") {
			t.Errorf("heard %q", all[9].texts(""))
		}
		hearWithin(t, "together", time.Second, all)
	})
}

// states returns how a person sees the others.
func (p *person) states() map[string]event.State {
	out := map[string]event.State{}
	for _, q := range p.Peers() {
		out[q.Name] = q.State
	}
	return out
}

// Who has spoken is seen as here, linked or not, in a room of few links. A peer whose link was needed for another is
// neither lost nor gone, and one that leaves has left, for those too that weren't linked to it.
func TestRelayedPeersAreSeen(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		w.fewLinks(9)
		pass(20 * time.Second)
		hearWithin(t, "hello", time.Second, w.people)
		relayed := 0
		for _, p := range w.people {
			states := p.states()
			for i, q := range w.people {
				switch s := states[fmt.Sprint("p", i)]; {
				case s == event.Relayed:
					relayed++
				case s != event.Up && p != q:
					t.Errorf("%s sees p%d %q", p.Self().Name, i, s)
				}
			}
			for _, ev := range told[event.PeerChanged](&p.ear) {
				if s := ev.Peer.State; s == event.Lost || s == event.Left {
					t.Errorf("%s was told that %s is %s", p.Self().Name, ev.Peer.Name, s)
				}
			}
		}
		if want := 9*8 - linkEnds(w.people); relayed != want || want == 0 {
			t.Errorf("%d are seen as relayed, want %d", relayed, want)
		}
		gone := w.people[8]
		gone.leave()
		w.people = w.people[:8]
		pass(relayedUnheard + time.Second)
		for _, p := range w.people {
			if s := p.states()["p8"]; s != event.Left {
				t.Errorf("%s sees someone who left %q", p.Self().Name, s)
			}
		}
	})
}

// linkEnds counts the links of all people, each at both of its ends.
func linkEnds(people []*person) (n int) {
	for _, p := range people {
		n += len(p.mesh.Links())
	}
	return n
}

// A neighbour that names keys shows no one who doesn't exist.
func TestMadeUpNeighbours(t *testing.T) {
	together(t, 1, 3, func(t *testing.T, _ *town, p []*person) {
		links := wire.Links{}
		for i := range 200 {
			links.Links = append(links.Links, wire.Neighbour{Key: identity.FromSeed([32]byte{byte(i), 9, 9}).Key()})
		}
		sendRaw(t, p[0].Node, p[1].Self().Key, links)
		pass(time.Minute)
		if got := len(p[1].Peers()); got != 2 {
			t.Errorf("%d peers are seen", got)
		}
	})
}

// trusting is a memory that trusts one key.
type trusting struct {
	memory
	key identity.Key
}

func (m *trusting) Mark(key identity.Key) standing.Mark {
	if key == m.key {
		return standing.Trusted
	}
	return standing.Unmarked
}

// A peer that refuses us is named with the reason and the next step, in plain words.
func TestWhyRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(*Config)
		text, hint string
	}{
		"full": {func(*Config) {}, "no place is free there", "any other peer of the room"},
		"room": {func(c *Config) { c.Room = "kitchen" }, "it is in another room", "--room"},
	} {
		inTown(t, 1, func(t *testing.T, w *town) {
			first := w.move(0)
			w.move(1, func(c *Config) { c.MaxLinks, c.Known = 1, &trusting{key: first.Self().Key} })
			pass(5 * time.Second)
			late := w.move(2, tc.change, func(c *Config) { c.NoDiscovery = true; c.Connect = []string{"10.0.0.2:8080"} })
			pass(5 * time.Second)
			notices := slices.DeleteFunc(told[event.Notice](&late.ear), func(n event.Notice) bool { return n.Level == event.Info })
			if len(notices) != 1 || !strings.Contains(notices[0].Text, "10.0.0.2:8080: "+tc.text) || !strings.Contains(notices[0].Hint, tc.hint) {
				t.Errorf("%s: told %+v", name, notices)
			}
		})
	}
}
