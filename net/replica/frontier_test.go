package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// oftenStarted returns a store that holds a feed for each of so many runs of the same author.
func oftenStarted(t *testing.T, runs int) *store.Mem {
	t.Helper()
	s := store.NewMem(lobby, 0)
	for i := range runs {
		rec := chain(t, record.Feed(i+1), "", 1)[0]
		if err := s.Append(store.Entry{Record: rec, Name: rec.Name(), Arrived: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// The pages of a frontier: votes first, at most 200 of them, then at most 300 feeds. The last says that it
// is the last, and it alone asks.
func TestPages(t *testing.T) {
	for _, c := range []struct {
		votes, feeds int
		want         string
	}{
		{0, 0, "0+0! "},
		{0, pageFeeds, "0+300! "},
		{0, pageFeeds + 1, "0+300 0+1! "},
		{votes.PageVotes + 1, 0, "200+0 1+0 0+0! "},
		{1, 2*pageFeeds + 1, "1+0 0+300 0+300 0+1! "},
	} {
		o := outgoing{head: wire.Frontier{Room: "r", Turn: 7}, votes: make([]wire.HeldVotes, c.votes), feeds: make([]room.Holding, c.feeds), ask: true}
		got := ""
		for f := range o.pages {
			got += fmt.Sprintf("%d+%d", len(f.Votes), len(f.Feeds))
			if f.Last {
				got += "!"
			}
			got += " "
			if f.Room != "r" || f.Turn != 7 || f.Ask != f.Last {
				t.Errorf("%+v", f)
			}
		}
		if got != c.want {
			t.Errorf("%d votes and %d feeds are %s, want %s", c.votes, c.feeds, got, c.want)
		}
		for range o.pages {
			break // a link that goes down stops the pages
		}
	}
}

// A frontier of many pages goes through the sync queue, and leaves room in it for answers. Both members
// become level, and messages don't wait for it.
func TestLongFrontier(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const runs = 10 * pageFeeds
		full, part := oftenStarted(t, runs), oftenStarted(t, runs-100)
		a := n.add(func(c *Config) { c.Store = full })
		b := n.add(func(c *Config) { c.Store = part })
		b.caps = nil // sums are compared otherwise
		n.link(a, b)
		l := a.links[b.key()]
		pass(0)
		l.reset()
		l.hold(true)
		a.Replica.mu.Lock()
		a.frontiers.sendFrontierLocked(a.Replica.mu.linked[0], false)
		a.Replica.mu.Unlock()
		n.say(a, "meanwhile")
		pass(time.Second)
		if pages := len(sent[wire.Frontier](l)); pages == 0 || pages > 8-answerFrames/2+1 || l.SyncSpace() < answerFrames/2-1 {
			t.Errorf("%d pages wait, and there is room for %d frames", pages, l.SyncSpace())
		}
		l.hold(false)
		pass(time.Minute)
		n.expectLevel()
		n.expectHeard(b, "meanwhile")
		if got := b.Status().Records; got != runs+2 {
			t.Errorf("%d records", got)
		}
	})
}

// A peer that must be sent a frontier while it is sent one gets it once more afterwards, however often that
// was; and is asked for its own if any of them asks.
func TestFrontierOnceMore(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := oftenStarted(t, 5*pageFeeds)
		a := n.add(func(c *Config) { c.Store = s })
		b := n.add(func(c *Config) { c.Store = oftenStarted(t, 1) })
		b.caps = nil // sums are compared otherwise
		n.link(a, b)
		pass(time.Minute)
		l := a.links[b.key()]
		l.reset()
		a.Replica.mu.Lock()
		p, before := a.Replica.mu.linked[0], a.Replica.mu.frontierSeq
		for i := range 3 {
			a.frontiers.sendFrontierLocked(p, i == 1)
		}
		atOnce := a.Replica.mu.frontierSeq - before
		a.Replica.mu.Unlock()
		pass(time.Minute)
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		if inAll := a.Replica.mu.frontierSeq - before; atOnce != 1 || inAll != 2 || p.sending || p.sendNext || p.askNext {
			t.Errorf("sent %d times at once and %d in all", atOnce, inAll)
		}
		var last []wire.Frontier
		for _, f := range sent[wire.Frontier](l) {
			if f.Last {
				last = append(last, f)
			}
		}
		if len(last) != 2 || last[0].Ask || !last[1].Ask {
			t.Errorf("%d ends, asking: %v", len(last), last)
		}
	})
}

// Feeds that can't be are refused each, and the others of the page count.
func TestMalformedFrontier(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		l.reset()
		author, feed := testID(50).Key(), "00000000000000aa"
		a.Message(l, wire.Frontier{Room: a.ID(), Turn: 99, Feeds: []wire.Holding{
			{Author: author, Feed: "nonsense", Seq: 1},
			{Author: author, Feed: "0000000000000000", Seq: 1},
			{Author: identity.Key{}, Feed: feed, Seq: 1},
			{Author: author, Feed: feed, Seq: 1<<53 + 1},
			{Author: author, Feed: feed, Seq: 1, Floor: 3},
			{Author: author, Feed: feed, Seq: 4, Head: "no head"},
		}})
		a.Message(l, wire.Frontier{Room: a.ID(), Turn: 99, Last: true})
		if got := a.host.refusals(); !slices.Equal(got, slices.Repeat([]string{"malformed frontier"}, 5)) {
			t.Errorf("refused %q", got)
		}
		wants := sent[wire.Want](l)
		if len(wants) != 1 || len(wants[0].Ranges) != 1 || wants[0].Ranges[0].From != 0 || wants[0].Ranges[0].To != 4 {
			t.Errorf("asked for %+v", wants)
		}
	})
}

// A page with another number begins a new frontier: what came before it, without an end, is dropped.
func TestFrontierWithoutEnd(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		l.reset()
		held := func(feed string) []wire.Holding {
			return []wire.Holding{{Author: testID(50).Key(), Feed: feed, Seq: 1}}
		}
		a.Message(l, wire.Frontier{Room: a.ID(), Turn: 98, Feeds: held("00000000000000aa")})
		a.Message(l, wire.Frontier{Room: a.ID(), Turn: 99, Feeds: held("00000000000000bb"), Last: true})
		wants := sent[wire.Want](l)
		if len(wants) != 1 || len(wants[0].Ranges) != 1 || wants[0].Ranges[0].Feed != "00000000000000bb" {
			t.Errorf("asked for %+v", wants)
		}
		a.Message(deadLink(b.key()), wire.Frontier{Room: a.ID(), Turn: 100, Feeds: held("00000000000000cc"), Last: true})
		if len(sent[wire.Want](l)) != 1 {
			t.Error("a frontier of a link that was replaced counts")
		}
	})
}

// Two hashes in a row that differ cause a comparison. A pair whose comparison found nothing is settled until one of the
// two changes, or for 10 minutes. Then at most one comparison a minute follows. After one that finds something all is as before.
func TestComparisonsSettle(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		b.caps = nil
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		compared := func(pings int, hash func(ping int) string) (at []int) {
			for i := range pings {
				l.reset()
				a.TakeHash(l, hash(i))
				if len(sent[wire.Frontier](l)) > 0 {
					at = append(at, i+1)
				}
				pass(5 * time.Second)
			}
			return at
		}
		same := func(int) string { return "0123456789abcdef0123456789abcdef" }
		other := func(i int) string { return fmt.Sprintf("%032x", i+1) }
		if got := fmt.Sprint(compared(400, same)); got != "[2 122 242 362]" {
			t.Errorf("a pair is compared at pings %s", got)
		}
		if got := fmt.Sprint(compared(40, other)); got != "[1 13 25 37]" { // one of the equal ones came before
			t.Errorf("changing pairs are compared at pings %s", got)
		}
		a.TakeHash(l, a.Hash())
		if got := fmt.Sprint(compared(6, same)); got != "[2]" {
			t.Errorf("after an equal hash compared at pings %s", got)
		}
		a.Records(l, wire.Records{Room: a.ID(), End: true}, chain(t, 5, "new", 2))
		if got := fmt.Sprint(compared(4, same)); got != "[1]" {
			t.Errorf("after something new compared at pings %s", got)
		}
	})
}

// A ping that says nothing of the room stands for the hash that the peer said last, be it in its Hello.
func TestPingsRepeatAHash(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		l := a.links[b.key()]
		a.give(chain(t, 5, "new", 2)...)
		pass(time.Second)
		l.reset()
		for i, want := range []int{0, 1} {
			if a.TakeHash(l, ""); len(sent[wire.Frontier](l)) != want {
				t.Errorf("%d comparisons after %d pings without a hash", len(sent[wire.Frontier](l)), i+1)
			}
		}
		a.TakeHash(l, a.HashFor(l))
		l.reset()
		for range 5 {
			a.TakeHash(l, "")
		}
		if len(sent[wire.Frontier](l)) != 0 {
			t.Error("compared with a peer that said the same hash")
		}
	})
}

// A ping finds what was missed, and the peer that lacked it tells the one that asked.
func TestPingFindsMissing(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(b, c)
		pass(time.Second)
		recs := chain(t, 5, "missed", 20)
		a.give(recs...)
		pass(time.Minute)
		n.expectHeard(b)
		a.ping(b)
		pass(time.Second)
		n.expectHeard(b)
		a.ping(b)
		pass(time.Second)
		if got := len(b.heard()); got != 19 {
			t.Errorf("b has %d messages", got)
		}
		// c is no neighbour of the author, so b tells it at once.
		if got := len(c.heard()); got != 19 {
			t.Errorf("c has %d messages", got)
		}
		n.expectLevel()
	})
}

func TestParseHead(t *testing.T) {
	for text, want := range map[string]uint64{
		"00000000000000ff": 255, "ffffffffffffffff": 1<<64 - 1,
		"": 0, "ff": 0, "000000000000000ff": 0, "00000000000000fg": 0, "-0000000000000ff": 0,
	} {
		if got := parseHead(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
