package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// liar is one who attacks a town: a few keys at one address, some links, and an author.
type liar struct {
	town  *liarTown
	n     int
	rng   *rand.Rand
	group *group.Group
	keys  int // so far
	links []*hostile.Peer

	author  *hostile.Author // of the newest key
	opening *record.Record  // of the author's first feed
}

func newLiar(s *liarTown, n int) *liar {
	return &liar{town: s, n: n, rng: rand.New(&sharedSource{pcg: rand.NewPCG(s.rng.Uint64(), uint64(n))}), group: s.attack}
}

// sharedSource is a source of random numbers for several goroutines: a liar's links answer in goroutines of their own.
type sharedSource struct {
	mu  sync.Mutex
	pcg *rand.PCG
}

// Uint64 implements rand.Source.
func (s *sharedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pcg.Uint64()
}

// start begins to attack. It ends with the liars' group.
func (l *liar) start() {
	l.group.Go("test/liar", func(ctx context.Context) {
		for group.Sleep(ctx, time.Duration(l.rng.Int64N(int64(2*time.Second))), nil) {
			l.links = slices.DeleteFunc(l.links, func(p *hostile.Peer) bool {
				select {
				case <-p.Ended():
					return true
				default:
					return false
				}
			})
			if len(l.links) < 3 || l.rng.IntN(8) == 0 && len(l.links) < 8 {
				l.link(ctx)
				continue
			}
			a := l.choose()
			l.town.mu.Lock()
			l.town.acts[a.name]++
			l.town.mu.Unlock()
			a.play(l, l.links[l.rng.IntN(len(l.links))])
		}
		for _, p := range l.links {
			p.Close()
		}
	})
}

// link links to someone: with a new key now and then, and with a conduct of its own.
func (l *liar) link(ctx context.Context) {
	if l.keys == 0 || l.rng.IntN(4) == 0 {
		l.keys++
		l.author = hostile.NewAuthor(hostile.Key(uint64(l.n), l.keys), lobby)
		l.author.Stamp = l.stamp
		l.opening = l.author.Open(record.Feed(l.rng.Uint64()|1), fmt.Sprint("liar-", l.n))
	}
	id := hostile.Key(uint64(l.n), l.keys)
	library := &l.town.library
	cfg := hostile.Config{Identity: id, Group: l.group, Name: fmt.Sprintf("liar-%d-%d", l.n, l.keys), Receive: library.Take}
	var own hostile.Library
	cfg.Conduct.Claim = []func() []wire.Holding{
		nil, library.Holdings, own.Holdings,
		func() []wire.Holding { return hostile.InventedHoldings(l.rng, l.rng.IntN(400)) },
		func() []wire.Holding { return exaggerate(l.rng, library.Holdings()) },
	}[l.rng.IntN(5)]
	cfg.Conduct.Answer = []func(*hostile.Peer, wire.Want){
		nil, hostile.Truthfully(library), hostile.Emptily, hostile.Endlessly(time.Second),
		hostile.Slowly(6*time.Second, hostile.Truthfully(library)),
	}[l.rng.IntN(5)]
	switch l.rng.IntN(6) {
	case 0:
		cfg.Pace = func() float64 { return 0 }
	case 1:
		cfg.Pace = func() float64 { return 1000 }
	}
	if links := l.rng.IntN(3); links < 2 {
		cfg.Hello = func(h *wire.Hello) { h.Links = &links }
	}
	to := netip.AddrPortFrom(addr(l.rng.IntN(l.town.honest)), 8080).String()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	p, err := hostile.Dial(ctx, l.town.net.Host(liarAddr(l.n)), to, cfg)
	if err != nil {
		return
	}
	_ = p.Send(hostile.Frame(l.opening))
	l.links = append(l.links, p)
}

// stamp returns the time of a record: now, a day off, or with any counter.
func (l *liar) stamp() record.Time {
	t := record.Time{Ms: time.Now().UnixMilli()}
	switch l.rng.IntN(6) {
	case 0:
		t.Ms += l.rng.Int64N(5 * 60_000)
		t.N = hostile.MaxCounter - l.rng.Int64N(2)
	case 1:
		t.Ms += l.rng.Int64N(2*24*3600_000) - 24*3600_000
	case 2:
		t.Ms += 5*60_000 - 1
		t.N = 1 << 20
	}
	return t
}

// exaggerate claims more of each feed than there is, or less.
func exaggerate(rng *rand.Rand, h []wire.Holding) []wire.Holding {
	for i := range h {
		switch rng.IntN(3) {
		case 0:
			h[i].Seq += rng.Uint64N(1000)
		case 1:
			h[i].Floor = rng.Uint64N(h[i].Seq + 2)
		case 2:
			h[i].Head = "0123456789abcdef"
		}
	}
	return h
}

// act is something that a liar does over one of its links.
type act struct {
	name string
	play func(l *liar, p *hostile.Peer)
}

// choose returns an act at random, of those that -liars.acts names.
func (l *liar) choose() act {
	for {
		a := acts[l.rng.IntN(len(acts))]
		switch {
		case *liarActs == "", slices.Contains(strings.Split(*liarActs, ","), a.name):
			return a
		}
	}
}

// Errors of sends are of no interest here: the link is gone, and another takes its place.
var acts = []act{
	{name: "say", play: func(l *liar, p *hostile.Peer) { _ = p.Send(hostile.Frame(l.author.Say("a lie"))) }},
	{name: "forge", play: func(l *liar, p *hostile.Peer) {
		_, _ = p.SendAll(hostile.Forgeries(l.author.Say("forged"), 1+l.rng.IntN(200)))
	}},
	{name: "forge-others", play: func(l *liar, p *hostile.Peer) {
		if rec := l.anyRecord(); rec != nil {
			_ = p.Send(hostile.Forge(rec))
		}
	}},
	{name: "fork", play: func(l *liar, p *hostile.Peer) {
		pair := l.author.Fork("one", "other")
		_ = p.Send(hostile.Frame(pair[0]))
		_ = l.links[l.rng.IntN(len(l.links))].Send(hostile.Frame(pair[1]))
		l.author.Open(record.Feed(l.rng.Uint64()|1), "liar") // what follows is another feed's
	}},
	{name: "withhold", play: func(l *liar, p *hostile.Peer) {
		l.author.Skip(1 + l.rng.IntN(50))
		_ = p.Send(hostile.Frame(l.author.Say("after a gap")))
	}},
	{name: "replay", play: func(l *liar, p *hostile.Peer) {
		for range 20 {
			if rec := l.anyRecord(); rec != nil {
				_ = p.Send(hostile.Frame(rec))
			}
		}
	}},
	{name: "frontier", play: func(l *liar, p *hostile.Peer) { _ = p.SendFrontier(l.rng.IntN(2) == 0) }},
	{name: "ping", play: func(l *liar, p *hostile.Peer) {
		_ = p.Send(wire.Ping{N: l.rng.Uint64N(1 << 53), Frontier: map[string]string{p.Room().String(): fmt.Sprintf("%032x", l.rng.Uint64())}})
	}},
	{name: "want", play: func(l *liar, p *hostile.Peer) {
		for range 20 {
			_ = p.Send(hostile.InventedWant(l.rng, p.Room(), l.town.library.Holdings()))
		}
	}},
	{name: "have", play: func(l *liar, p *hostile.Peer) {
		m := wire.Have{Room: p.Room().String()}
		for _, h := range l.town.library.Holdings() {
			m.Heads = append(m.Heads, wire.Head{Author: h.Author, Feed: h.Feed, Seq: h.Seq + l.rng.Uint64N(1000)})
		}
		m.Heads = m.Heads[:min(len(m.Heads), 256)]
		_ = p.Send(m)
	}},
	{name: "links", play: func(l *liar, p *hostile.Peer) {
		m := hostile.InventedLinks(l.rng, l.rng.IntN(300))
		for _, key := range l.town.library.Keys() {
			m.Links = append(m.Links, wire.Neighbour{Key: key})
		}
		_ = p.Send(m)
	}},
	{name: "peers", play: func(l *liar, p *hostile.Peer) {
		_, _ = p.SendAll(hostile.InventedPeers(l.rng, 1+l.rng.IntN(3), func() string {
			return netip.AddrPortFrom(addr(l.rng.IntN(l.town.honest+5)), uint16(8079+l.rng.IntN(3))).String()
		}))
	}},
	{name: "names", play: func(l *liar, p *hostile.Peer) {
		_, _ = p.SendAll(hostile.Names(l.author, func(n int) string { return fmt.Sprint("liar ", n) }, 50))
	}},
	{name: "invent", play: func(l *liar, p *hostile.Peer) { _, _ = p.SendAll(hostile.Inventions(l.author, 3, 500)) }},
	{name: "tags", play: func(l *liar, p *hostile.Peer) {
		for range 50 {
			_ = p.SendPayload(hostile.UnknownTag(l.rng))
		}
	}},
	{name: "garbage", play: func(l *liar, p *hostile.Peer) { _ = p.Write([]byte{0xff, 0xff, 0xff, 0xff}) }},
	{name: "typing", play: func(l *liar, p *hostile.Peer) {
		for n := range 50 {
			_ = p.Send(wire.Typing{Room: p.Room().String(), On: n%2 == 0})
		}
	}},
	{name: "bye", play: func(l *liar, p *hostile.Peer) {
		_ = p.Bye([]string{wire.ByeReplaced, wire.ByeDuplicate, wire.ByeFull, wire.ByeRoom, wire.ByeLeaving, "?"}[l.rng.IntN(6)])
	}},
	{name: "cut", play: func(l *liar, p *hostile.Peer) { p.Close() }},
	{name: "votes", play: func(l *liar, p *hostile.Peer) {
		var voters []identity.Key
		voters = append(voters, l.town.library.Keys()...)
		proposal := l.author.Propose("lies", 1+l.rng.Uint64N(100), voters[:min(len(voters), 100)]...)
		for _, rec := range []*record.Record{proposal, l.author.Vote(proposal.ID(), vote.Approve), l.author.Vote(proposal.ID(), vote.Reject)} {
			_ = p.Send(hostile.Frame(rec))
		}
	}},
	{name: "flood-messages", play: func(l *liar, p *hostile.Peer) { _, _ = p.SendAll(hostile.Messages(l.author, 50, 100)) }},
	{name: "flood-feeds", play: func(l *liar, p *hostile.Peer) { _, _ = p.SendAll(hostile.Feeds(l.author, 150, l.rng)) }},
	{name: "flood-bytes", play: func(l *liar, p *hostile.Peer) { _, _ = p.SendAll(hostile.Messages(l.author, 40, 8000)) }},
	{name: "flood-kinds", play: func(l *liar, p *hostile.Peer) { _, _ = p.SendAll(hostile.Inventions(l.author, 36, 30_000)) }},
	{name: "flood-proposals", play: func(l *liar, p *hostile.Peer) {
		for n := range 25 {
			_ = p.Send(hostile.Frame(l.author.Propose(fmt.Sprint("lie ", n), uint64(n+1))))
		}
	}},
}

// anyRecord returns a record of anyone's.
func (l *liar) anyRecord() *record.Record {
	held := l.town.library.Holdings()
	if len(held) == 0 {
		return nil
	}
	h := held[l.rng.IntN(len(held))]
	found := l.town.library.Find(wire.Range{Author: h.Author, Feed: h.Feed, To: h.Seq})
	if len(found) == 0 {
		return nil
	}
	return found[l.rng.IntN(len(found))]
}
