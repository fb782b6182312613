package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// minuteFeed returns the number of a feed that began so many minutes after a moment.
func minuteFeed(minutes int) record.Feed {
	ms := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() + int64(minutes)*60_000
	return record.Feed(ms<<16 | int64(minutes&0xffff))
}

// everyMinute returns stores with the feeds of a person that sent something in each of so many minutes. The store at
// index i lacks those that lacks says.
func everyMinute(t *testing.T, minutes, stores int, lacks func(i, minute int) bool) (out []*store.Mem) {
	t.Helper()
	for range stores {
		out = append(out, store.NewMem(lobby, 0))
	}
	for minute := range minutes {
		rec := chain(t, minuteFeed(minute), "", 1)[0]
		for i, s := range out {
			if lacks == nil || !lacks(i, minute) {
				if err := s.Append(store.Entry{Record: rec, Name: rec.Name(), Arrived: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return out
}

func stored(s store.Store) func(*Config) { return func(c *Config) { c.Store = s } }

// wireBytes returns how many bytes of frames a link has carried each way since the last reset, but for Typing.
func wireBytes(t *testing.T, l *testLink) (total int) {
	t.Helper()
	for _, end := range []*testLink{l, l.twin} {
		end.mu.Lock()
		for _, m := range end.mu.sent {
			f, err := wire.Encode(m)
			if err != nil {
				t.Error(err)
			}
			total += len(f)
		}
		end.mu.Unlock()
	}
	return total
}

// Peers that hold the same say nothing to each other, however much that is.
func TestLevelPeersSaySilent(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := everyMinute(t, 2*pageFeeds, 2, nil)
		a, b := n.add(stored(s[0])), n.add(stored(s[1]))
		n.link(a, b)
		for range 5 {
			a.ping(b)
			pass(5 * time.Second)
		}
		if got := wireBytes(t, a.links[b.key()]); got != 0 {
			t.Errorf("%d bytes between level peers", got)
		}
	})
}

// One record that a peer lacks among many feeds is found by four questions, in few bytes.
func TestOneLateRecord(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const minutes = 20_000
		s := everyMinute(t, minutes, 2, func(i, minute int) bool { return i == 1 && minute == 12_345 })
		a, b := n.add(stored(s[0])), n.add(stored(s[1]))
		n.link(a, b)
		pass(10 * time.Second)
		n.expectLevel()
		if got := b.Status().Records; got != minutes {
			t.Errorf("%d records", got)
		}
		l := a.links[b.key()]
		if got := len(sent[wire.Sums](l)); got > 4 {
			t.Errorf("%d answers", got)
		}
		if got := wireBytes(t, l); got > 2*64<<10 { // each asks the other
			t.Errorf("%d bytes", got)
		}
		if got := len(sent[wire.Want](l.twin)); got != 1 {
			t.Errorf("asked %d times for one record", got)
		}
	})
}

// A newcomer gets the newest messages first, and then all.
func TestNewestFirst(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const minutes = 4000 // four blocks
		s := everyMinute(t, minutes, 1, nil)
		a, b := n.add(stored(s[0])), n.add()
		n.link(a, b)
		pass(time.Minute)
		n.expectLevel()
		if got := b.Status().Records; got != minutes {
			t.Errorf("%d records", got)
		}
		if syncs := received[event.Sync](b); len(syncs) == 0 || syncs[len(syncs)-1].Missing != 0 || syncs[len(syncs)-1].Have != minutes {
			t.Errorf("the last of %d reports is %+v", len(syncs), syncs[max(0, len(syncs)-1):])
		}
		last := room.Block(1 << 31)
		blocks := 0
		for _, m := range sent[wire.Records](a.links[b.key()]) {
			for _, x := range m.Records {
				block := room.BlockOf(verified(x)[0].Feed())
				if block > last {
					t.Fatalf("block %d comes after %d", block, last)
				}
				if block != last {
					blocks++
				}
				last = block
			}
		}
		if blocks < 4 {
			t.Errorf("%d blocks", blocks)
		}
	})
}

// Members that each lack something else become level, through peers of both versions.
func TestMixedVersions(t *testing.T) {
	for old := range 3 {
		t.Run(fmt.Sprint(old, " is older"), func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, n *net) {
				const minutes = 3 * pageFeeds
				s := everyMinute(t, minutes, 3, func(i, minute int) bool { return minute%7 == i })
				for i := range 3 {
					n.add(stored(s[i]))
				}
				n.members[old].caps = nil
				n.link(n.members[0], n.members[1])
				n.link(n.members[1], n.members[2])
				n.say(n.members[0], "hello")
				for range 20 {
					pass(5 * time.Second)
					n.members[0].ping(n.members[1])
					n.members[1].ping(n.members[2])
				}
				n.expectLevel()
				if got := n.members[2].Status().Records; got != minutes+2 {
					t.Errorf("%d records", got)
				}
			})
		})
	}
}

// Peers that differ for good compare once, and not again while their hashes stay.
func TestSettled(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := everyMinute(t, 2*pageFeeds, 1, nil)
		a := n.add(stored(s[0]), func(c *Config) { c.Share = ShareNone })
		pass(time.Hour)
		b := n.add()
		n.say(b, numbered("mine", 2)...)
		n.link(a, b)
		pass(time.Minute)
		l := a.links[b.key()]
		asked := func() int { return len(sent[wire.Outline](l)) + len(sent[wire.Outline](l.twin)) }
		for range 20 { // what came changed hashes, so they look once more
			a.ping(b)
			pass(5 * time.Second)
		}
		before := asked()
		if before == 0 || a.HashFor(l) == b.HashFor(l.twin) {
			t.Fatalf("asked %d times, equal: %v", before, a.HashFor(l) == b.HashFor(l.twin))
		}
		for range 80 {
			a.ping(b)
			pass(5 * time.Second)
		}
		if got := asked() - before; got != 0 {
			t.Errorf("asked %d times for what is kept back", got)
		}
		before = asked()
		for range 60 { // each message changes both hashes
			n.say(a, "again")
			a.ping(b)
			pass(5 * time.Second)
		}
		if got := asked() - before; got == 0 || got > 6*2*4 {
			t.Errorf("asked %d times in five minutes", got)
		}
	})
}

// Liars that invent what they hold, or answer without end, cost bounded memory and withhold nothing.
func TestLiarsAboutSums(t *testing.T) {
	author := testID(98).Key()
	for name, lie := range map[string]func(m wire.Outline) []wire.Sums{
		"silent": func(wire.Outline) []wire.Sums { return nil },
		"invented authors": func(m wire.Outline) []wire.Sums {
			x := wire.Sums{N: m.N, End: true, Rest: true}
			if len(m.Buckets) == 0 {
				x.Buckets, x.Rest = slices.Repeat([]byte{1}, room.Buckets*wire.SumSize), false
				return []wire.Sums{x}
			}
			return []wire.Sums{x}
		},
		"invented blocks": func(m wire.Outline) []wire.Sums {
			x := wire.Sums{N: m.N, End: true}
			switch {
			case len(m.Blocks) > 0:
				feed := uint64(m.Blocks[0].Block)<<42 | 1
				if m.After != nil {
					feed = *m.After + 1
				}
				x.Rest = true
				x.Ends = []wire.BlockEnds{{Author: author, Block: m.Blocks[0].Block, Feeds: wire.AppendFeedEnd(nil, wire.FeedEnd{Feed: feed, Seq: 1 << 40})}}
			case len(m.Authors) > 0:
				var blocks []byte
				for b := 398_500; b > 397_000; b-- {
					blocks = append(append(blocks, 0, byte(b>>16), byte(b>>8), byte(b)), slices.Repeat([]byte{7}, 16)...)
				}
				x.Blocks = []wire.AuthorBlocks{{Author: author, Blocks: blocks}}
			case len(m.Buckets) > 0:
				x.Authors = append(author.Bytes(), slices.Repeat([]byte{7}, 16)...)
			default:
				x.Buckets = slices.Repeat([]byte{1}, room.Buckets*wire.SumSize)
			}
			return []wire.Sums{x}
		},
		"frames without end": func(m wire.Outline) []wire.Sums { return slices.Repeat([]wire.Sums{{N: m.N}}, 100) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, n *net) {
				const minutes = 3 * pageFeeds
				s := everyMinute(t, minutes, 1, nil)
				honest, b := n.add(stored(s[0])), n.add()
				var liars []*liar
				for i := range 2 {
					liars = append(liars, newLiar(b, testID(60+i).Key(), lie))
				}
				n.link(honest, b)
				answered := 0
				for range 120 {
					pass(100 * time.Millisecond)
					for _, l := range liars {
						answered += l.answer(n)
					}
				}
				if got := b.Status().Records; got != minutes {
					t.Errorf("%d records of %d after 12 s beside two liars", got, minutes)
				}
				if answered > 4*120*2 {
					t.Errorf("answered %d times", answered)
				}
			})
		})
	}
}

// liar is a link to a peer that answers questions as it likes.
type liar struct {
	*testLink
	of  *member
	lie func(wire.Outline) []wire.Sums
}

func newLiar(of *member, key identity.Key, lie func(wire.Outline) []wire.Sums) *liar {
	l := &liar{testLink: newTestLink(of, nil), of: of, lie: lie}
	l.can = map[string]bool{wire.CapFeeds: true}
	l.key = key
	of.host.mu.Lock()
	of.host.mu.peers[key] = event.Peer{Key: key, Name: "liar"}
	of.host.mu.Unlock()
	of.PrepareLink(l, wire.InRoom{Room: of.ID(), Frontier: "x", Sums: "x"})()
	of.Message(l, wire.Frontier{Room: of.ID(), Hash: "x", Turn: 1, Last: true, Part: true})
	return l
}

// answer answers the questions that came, and returns how many. Other frames are dropped.
func (l *liar) answer(n *net) (answered int) {
	for {
		l.mu.Lock()
		var f wire.Frame
		if w := l.mu.waiting[control]; len(w) > 0 {
			f, l.mu.waiting[control] = w[0], w[1:]
		}
		l.mu.Unlock()
		if f == nil || answered == 4 {
			return answered
		}
		m, err := wire.Decode(f[4:])
		if err != nil {
			n.t.Fatal(err)
		}
		if m, ok := m.(wire.Outline); ok {
			answered++
			for _, x := range l.lie(m) {
				x.Room = l.of.ID()
				l.of.Message(l, x)
			}
		}
	}
}
