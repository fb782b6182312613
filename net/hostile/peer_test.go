package hostile_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// A peer that behaves is heard as any other, stays linked, gets what is said, and ends as it likes.
func TestPeerIsTakenForOne(t *testing.T) {
	onStreet(t, 2, func(t *testing.T, s *street) {
		var got hostile.Library
		cfg := s.hostile(0)
		cfg.Name, cfg.Receive = "Mallory", got.Take
		p := s.attack(s.nodes[0], cfg)
		if p.Key() != s.nodes[0].Self().Key || p.Hello().Name != "h0" {
			t.Errorf("linked to %v, %q", p.Key(), p.Hello().Name)
		}
		a := hostile.NewAuthor(p.Identity(), p.Room())
		for _, rec := range []*record.Record{a.Open(5, "Mallory"), a.Say("hello"), a.Rename("Eve"), a.Invent("hologram", 10)} {
			if err := p.Send(hostile.Frame(rec)); err != nil {
				t.Fatal(err)
			}
		}
		if key, records := a.Place(); records != 4 || key.Feed != 5 {
			t.Errorf("the author is at %v, %d", key, records)
		}
		pass(time.Minute)
		s.talk(time.Second, "still here")
		if s.nodes[0].heard("hello") != 1 || s.nodes[1].heard("hello") != 1 {
			t.Error("what a peer said wasn't heard everywhere")
		}
		if keys := got.Keys(); len(keys) != 2 {
			t.Errorf("the peer got records of %d authors", len(keys))
		}
		if p.Received() < 12 {
			t.Errorf("%d messages in a minute", p.Received())
		}
		if err := p.Bye(wire.ByeLeaving); err != nil {
			t.Error(err)
		}
		pass(time.Second)
		<-p.Ended()
		if last := lastState(s.nodes[0], p.Identity().Key()); last != event.Left {
			t.Errorf("after a goodbye the peer is %q", last)
		}
	})
}

// lastState returns the last state of a peer at a node.
func lastState(h *honest, key identity.Key) (last event.State) {
	for _, e := range told[event.PeerChanged](h) {
		if e.Peer.Key == key {
			last = e.Peer.State
		}
	}
	return last
}

// Raw bytes, frames and Hellos arrive as they were made: the node refuses each for its own reason.
func TestPeerSendsAnything(t *testing.T) {
	onStreet(t, 1, func(t *testing.T, s *street) {
		rng := rand.New(rand.NewPCG(1, 1))
		p := s.attack(s.nodes[0], s.hostile(0))
		if err := p.SendPayload(hostile.UnknownTag(rng)); err != nil {
			t.Fatal(err)
		}
		if err := p.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
		<-p.Ended()
		reasons := map[string]bool{}
		pass(time.Second)
		for _, r := range told[event.Refused](s.nodes[0]) {
			reasons[r.Reason] = true
		}
		if !reasons["unknown message"] || !reasons["oversized frame"] {
			t.Errorf("refused for %v", reasons)
		}
		cfg := s.hostile(1)
		cfg.Hello = func(h *wire.Hello) { h.Rooms = nil }
		var refused hostile.ByeError
		if _, err := hostile.Dial(t.Context(), s.net.Host(hostAddr(99)), s.nodes[0].addr, cfg); !errors.As(err, &refused) || refused.Reason != wire.ByeRoom {
			t.Errorf("without a room in common: %v", err)
		}
	})
}

// A peer that reads nothing holds up no one, and one that answers no Ping is lost.
func TestPeerThatReadsNothing(t *testing.T) {
	onStreet(t, 3, func(t *testing.T, s *street) {
		for n, pace := range []float64{0, 2000} {
			cfg := s.hostile(n)
			cfg.Pace = func() float64 { return pace }
			defer s.attack(s.nodes[0], cfg).Close()
		}
		deaf := s.hostile(2)
		deaf.Conduct.Silent = true
		p := s.attack(s.nodes[1], deaf)
		for range 500 {
			if err := s.nodes[2].Say("a message of some length, so that queues fill up soon enough"); err != nil {
				t.Fatal(err)
			}
		}
		pass(5 * time.Second)
		s.talk(time.Second, "beside a peer that reads nothing")
		pass(20 * time.Second)
		if got := lastState(s.nodes[1], p.Identity().Key()); got != event.Lost {
			t.Errorf("a silent peer is %q", got)
		}
	})
}

// A node dials a hostile peer that listens, too.
func TestPeerIsDialled(t *testing.T) {
	onStreet(t, 2, func(t *testing.T, s *street) {
		l, err := s.net.Host(hostAddr(99)).Listen(t.Context(), "tcp", ":8080")
		if err != nil {
			t.Fatal(err)
		}
		linked := make(chan *hostile.Peer, 2)
		cfg := s.hostile(0)
		cfg.Port = 8080
		hostile.Serve(l, cfg, func(p *hostile.Peer) { linked <- p })
		if err := s.nodes[0].Connect(netip.AddrPortFrom(hostAddr(99), 8080).String()); err != nil {
			t.Fatal(err)
		}
		if p := <-linked; p.Key() != s.nodes[0].Self().Key {
			t.Errorf("linked by %v", p.Key())
		}
		if p := <-linked; p.Key() != s.nodes[1].Self().Key { // it heard of the peer from the first
			t.Errorf("linked by %v", p.Key())
		}
	})
}

// Many keys come from few addresses.
func TestCrowd(t *testing.T) {
	onStreet(t, 1, func(t *testing.T, s *street) {
		c := hostile.Crowd{Seed: 3}
		for i := range 4 {
			c.Dialers = append(c.Dialers, s.net.Host(hostAddr(100+i)))
		}
		if n := c.Join(t.Context(), s.nodes[0].addr, 20, hostile.Config{Group: s.group}, nil); n != 20 {
			t.Errorf("%d of 20 were let in", n)
		}
		pass(time.Second)
		addrs, keys := map[netip.Addr]int{}, map[identity.Key]bool{}
		for _, e := range told[event.PeerChanged](s.nodes[0]) {
			if !keys[e.Peer.Key] {
				addrs[e.Peer.Addr.Addr()]++
			}
			keys[e.Peer.Key] = true
		}
		if len(keys) != 20 || len(addrs) != 4 || addrs[hostAddr(100)] != 5 {
			t.Errorf("%d keys of %v", len(keys), addrs)
		}
		c.Close()
	})
}

// What an Author signs is valid, but for what is spoiled on purpose.
func TestAuthor(t *testing.T) {
	room := record.OpenRoom("lobby")
	a := hostile.NewAuthor(hostile.Key(1, 1), room)
	a.Stamp = func() record.Time { return record.Time{Ms: 5, N: hostile.MaxCounter} }
	a.Open(9, "x")
	first := a.Say("one")
	if first.Time().N != hostile.MaxCounter || first.Seq() != 1 {
		t.Errorf("at %v, seq %d", first.Time(), first.Seq())
	}
	pair := a.Fork("x", "y")
	if pair[0].Prev() != first.ID() || pair[1].Prev() != first.ID() || pair[0].Seq() != pair[1].Seq() || pair[0].ID() == pair[1].ID() {
		t.Error("no fork")
	}
	a.Skip(3)
	if next := a.Say("z"); next.Seq() != 6 {
		t.Errorf("after three withheld records comes %d", next.Seq())
	}
	proposal := a.Propose("tea", 7, hostile.Key(1, 2).Key())
	votes := []*record.Record{proposal, a.Vote(proposal.ID(), vote.Approve), a.Vote(proposal.ID(), vote.Reject)}
	for _, rec := range append(votes, first, pair[0], pair[1]) {
		w := hostile.Frame(rec)
		claim, err := record.Parse(w.Body, w.Sig)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := claim.Verify(); err != nil {
			t.Error(err)
		}
		w = hostile.Forge(rec)
		if claim, err = record.Parse(w.Body, w.Sig); err != nil {
			t.Fatal(err)
		}
		if _, err := claim.Verify(); err == nil {
			t.Error("a forgery verifies")
		}
	}
	if a, b := hostile.Key(1, 1).Key(), hostile.Key(1, 2).Key(); a == b || hostile.Key(1, 1).Key() != a {
		t.Error("keys don't follow from their numbers")
	}
}

// A library claims each feed up to its first gap, and finds what is asked for.
func TestLibrary(t *testing.T) {
	var l hostile.Library
	a := hostile.NewAuthor(hostile.Key(1, 1), record.OpenRoom("lobby"))
	open, one := a.Open(9, "x"), a.Say("one")
	a.Skip(1)
	three := a.Say("three")
	l.Add(three, one, open)
	h := l.Holdings()
	if len(h) != 1 || h[0].Seq != 1 || h[0].Floor != 0 || h[0].Head != one.ID().String()[:16] {
		t.Errorf("claims %+v", h)
	}
	if found := l.Find(wire.Range{Author: h[0].Author, Feed: h[0].Feed, From: 1, To: 9}); len(found) != 2 || found[0] != one || found[1] != three {
		t.Errorf("found %d records", len(found))
	}
	key, _ := a.Place()
	l.Remove(key)
	if len(l.Holdings()) != 0 || l.Keys() != nil {
		t.Error("a feed that was removed is still there")
	}
}
