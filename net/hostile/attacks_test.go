package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/wire"
)

// Two liars among five peers claim all that was said and answer a newcomer's questions so that it gets nothing. They
// are asked first, a moment before the honest peers. The newcomer has everything after 10 s.
func TestLiarsDelayANewcomer(t *testing.T) {
	for _, c := range []struct {
		how    string
		answer func(l *hostile.Library) func(*hostile.Peer, wire.Want)
	}{
		{"without end", func(*hostile.Library) func(*hostile.Peer, wire.Want) { return hostile.Endlessly(time.Second) }},
		{"with nothing", func(*hostile.Library) func(*hostile.Peer, wire.Want) { return hostile.Emptily }},
		{"not at all", func(*hostile.Library) func(*hostile.Peer, wire.Want) { return nil }},
		{"late", func(l *hostile.Library) func(*hostile.Peer, wire.Want) {
			return hostile.Slowly(14*time.Second, hostile.Truthfully(l))
		}},
		{"with something else", func(l *hostile.Library) func(*hostile.Peer, wire.Want) {
			return func(p *hostile.Peer, q wire.Want) {
				a := hostile.NewAuthor(p.Identity(), p.Room())
				hostile.With(hostile.Frame(a.Open(record.NewFeed(time.Now().UnixMilli()), "Eve")), hostile.Frame(a.Say("spam")))(p, q)
			}
		}},
	} {
		t.Run(c.how, func(t *testing.T) {
			onStreet(t, 3, func(t *testing.T, s *street) {
				var library hostile.Library
				cfg := s.hostile(0)
				cfg.Receive = library.Take
				p := s.attack(s.nodes[0], cfg)
				const each = 60
				for n := range each {
					for i, h := range s.nodes {
						if err := h.Say(fmt.Sprint(i, "/", n)); err != nil {
							t.Fatal(err)
						}
					}
				}
				pass(3 * time.Second)
				p.Close()
				if len(library.Holdings()) != 3 {
					t.Fatal("the liars haven't heard everything")
				}

				for _, h := range s.nodes {
					s.net.Block(h.host.Addrs()[0], hostAddr(3))
				}
				newcomer := s.open(3)
				pass(500 * time.Millisecond) // so that questions come between the seconds at which they are looked after
				began := time.Now()
				for n := range 2 {
					cfg := s.hostile(1 + n)
					cfg.Conduct.Claim, cfg.Conduct.Answer = library.Holdings, c.answer(&library)
					liar := s.attack(newcomer, cfg)
					if err := liar.SendFrontier(true); err != nil {
						t.Fatal(err)
					}
				}
				pass(100 * time.Millisecond)
				for _, h := range s.nodes[:3] {
					s.net.Unblock(h.host.Addrs()[0], hostAddr(3))
				}
				for heardOf(newcomer, s.nodes[:3]) < 3*each {
					if pass(100 * time.Millisecond); time.Since(began) > time.Minute {
						t.Fatalf("after %v the newcomer has %d of %d messages", time.Since(began), heardOf(newcomer, s.nodes[:3]), 3*each)
					}
				}
				took := time.Since(began)
				t.Logf("whole after %v", took)
				if took > 10*time.Second {
					t.Errorf("whole after %v", took)
				}
			})
		})
	}
}

// heardOf counts what a node heard of others.
func heardOf(h *honest, of []*honest) (n int) {
	for _, said := range told[event.Said](h) {
		for _, author := range of {
			if said.Line.From == author.Self().Key {
				n++
			}
		}
	}
	return n
}

// A clock's counter at its end, on time or not, and clocks of any day mute no one, also after a start from what was kept.
func TestClocksAtTheirEnd(t *testing.T) {
	onStreet(t, 3, func(t *testing.T, s *street) {
		p := s.attack(s.nodes[0], s.hostile(0))
		a := hostile.NewAuthor(p.Identity(), p.Room())
		if err := p.Send(hostile.Frame(a.Open(1, "Eve"))); err != nil {
			t.Fatal(err)
		}
		for _, ahead := range []time.Duration{0, 4 * time.Minute, -24 * time.Hour, 24 * time.Hour, 5*time.Minute - time.Millisecond} {
			for _, counter := range []int64{hostile.MaxCounter, hostile.MaxCounter - 1, 1 << 20, 1<<20 + 1} {
				a.Stamp = func() record.Time { return record.Time{Ms: time.Now().Add(ahead).UnixMilli(), N: counter} }
				if err := p.Send(hostile.Frame(a.Say("tick"))); err != nil {
					t.Fatal(err)
				}
			}
			pass(100 * time.Millisecond)
			s.talk(time.Second, fmt.Sprint("beside a clock ", ahead))
		}
		if n := s.nodes[2].heard("tick"); n != 20 {
			t.Errorf("%d of 20 records were taken", n)
		}
	})
}

// A stranger's word that our profile was started elsewhere ends one link, and nothing else.
func TestStrangersSayReplaced(t *testing.T) {
	onStreet(t, 2, func(t *testing.T, s *street) {
		for n := range 20 {
			p := s.attack(s.nodes[0], s.hostile(n))
			if err := p.Bye(wire.ByeReplaced); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		for _, n := range s.nodes[0].notices("started elsewhere") {
			if n.Level == event.Error {
				t.Errorf("believed: %q", n.Text)
			}
		}
		s.talk(time.Second, "still the same")
	})
}

// A hundred forgeries in ten seconds, alone or in answers, end the link, by name. The next keys of that address have
// less patience. Honest peers talk on.
func TestForgers(t *testing.T) {
	onStreet(t, 2, func(t *testing.T, s *street) {
		for n := range 4 {
			cfg := s.hostile(n)
			cfg.Name = fmt.Sprint("Forger ", n)
			p := s.attack(s.nodes[0], cfg)
			a := hostile.NewAuthor(p.Identity(), p.Room())
			sent, _ := p.SendAll(hostile.Forgeries(a.Open(1, "x"), 1000))
			pass(2 * time.Second)
			select {
			case <-p.Ended():
			default:
				t.Fatalf("after %d forgeries key %d is still linked", sent, n)
			}
			if p.ByeReason() != wire.ByeSignatures {
				t.Errorf("Bye %q", p.ByeReason())
			}
			want := 0 // the next keys of an address are the same trouble
			if n == 0 {
				want = 1
			}
			if got := len(s.nodes[0].notices(cfg.Name)); got != want {
				t.Errorf("%s was named %d times, want %d", cfg.Name, got, want)
			}
			var refused hostile.ByeError
			if _, err := hostile.Dial(t.Context(), s.net.Host(hostAddr(99)), s.nodes[0].addr, cfg); !errors.As(err, &refused) {
				t.Errorf("dialled again at once: %v", err)
			}
		}
		s.talk(time.Second, "beside forgers")
	})
}

// Who is said to be at an honest peer's address, and isn't, is no one's fault there: the user hears nothing of it.
func TestInventedPeersBlameNoOne(t *testing.T) {
	onStreet(t, 2, func(t *testing.T, s *street) {
		p := s.attack(s.nodes[0], s.hostile(0))
		rng := rand.New(rand.NewPCG(1, 1))
		if _, err := p.SendAll(hostile.InventedPeers(rng, 2, func() string { return s.nodes[1].addr })); err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Second)
		for _, r := range told[event.Refused](s.nodes[0]) {
			t.Errorf("%s is refused: %s", r.From, r.Reason)
		}
		s.talk(time.Second, "blamed for nothing")
	})
}

// Invented peers cost few dials, also while their names never end. Nothing of them stays in the way of a real one.
func TestInventedPeers(t *testing.T) {
	onStreet(t, 1, func(t *testing.T, s *street) {
		l, err := s.net.Host(hostAddr(98)).Listen(t.Context(), "tcp", ":9")
		if err != nil {
			t.Fatal(err)
		}
		knocks := make(chan time.Time, 10_000)
		s.group.Go("test/knocks", func(context.Context) {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				knocks <- time.Now()
				conn.Close()
			}
		})
		defer l.Close()
		p := s.attack(s.nodes[0], s.hostile(0))
		rng := rand.New(rand.NewPCG(1, 1))
		const seconds = 10
		for range seconds {
			if _, err := p.SendAll(hostile.InventedPeers(rng, 200, func() string {
				return netip.AddrPortFrom(hostAddr(98), 9).String()
			})); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		n := len(knocks)
		t.Logf("%d dials in %d s", n, seconds)
		if n == 0 || n > 16*(seconds+1) { // four at a time, a quarter of a second each
			t.Errorf("%d dials in %d s for %d invented peers", n, seconds, seconds*200*50)
		}
		friend := s.open(1, func(c *node.Config) { c.NoDiscovery = true })
		if err := friend.Connect(s.nodes[0].addr); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		s.talk(time.Second, "beside invented peers")
	})
}
