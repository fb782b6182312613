package replica

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// countingStore counts the cold feeds that are read.
type countingStore struct {
	store.Store
	read *atomic.Int64
}

func (s countingStore) PeekBlock(ctx context.Context, key store.BlockKey) ([]store.Feed, error) {
	feeds, err := s.Store.PeekBlock(ctx, key)
	s.read.Add(int64(len(feeds)))
	return feeds, err
}

// addCold adds a member with the feeds of so many minutes, of which most are cold. It returns how many were read since.
func (n *net) addCold(path string, minutes int, change ...func(*Config)) (m *member, read *atomic.Int64) {
	read = new(atomic.Int64)
	count := func(c *Config) { c.Store = countingStore{c.Store, read} }
	m = n.add(append(change, n.cold(path), count)...)
	n.giveMinutes(m, minutes, nil)
	read.Store(0)
	return m, read
}

// ask has a peer put questions to a member, and returns the answers. Those that only say that more follows are apart.
func (m *member) ask(l *testLink, times int, q wire.Outline) (answers []wire.Sums, later int) {
	q.Room = m.ID()
	for range times {
		m.Message(l, q)
		for _, a := range sent[wire.Sums](l) {
			if a.Rest && len(a.Buckets)+len(a.Authors)+len(a.Blocks)+len(a.Ends) == 0 {
				later++
			} else {
				answers = append(answers, a)
			}
		}
		l.reset()
		l.mu.Lock()
		l.mu.waiting = [queues][]wire.Frame{} // the peer reads at once
		l.mu.Unlock()
	}
	return answers, later
}

// beforeLast asks for the ends of a block's feeds behind nearly all.
func beforeLast(minute int, back uint64) wire.Outline {
	block := room.BlockOf(minuteFeed(minute))
	after := uint64(block.LastFeed()) - back
	return wire.Outline{N: 1, Blocks: []wire.BlockName{{Author: testID(98).Key(), Block: uint32(block)}}, After: &after}
}

// A peer that asks without end for what no one has causes few reads of the disk. Others, and a key that was met, aren't
// kept from asking by that.
func TestOutlinesInVainCostLittle(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		a, read := n.addCold(filepath.Join(dir, "a"), 1800)
		block := room.BlockKeyOf(n.minute(100, 1)[0].FeedKey())
		if !a.room.IsCold(block) {
			t.Fatal("not cold")
		}
		keys := []identity.Key{testID(60).Key(), testID(61).Key(), testID(62).Key(), testID(63).Key()}
		for i, key := range keys {
			addr, level := "10.0.0.1", standing.Heard
			if i == 2 {
				addr = "10.0.0.2"
			}
			if i == 3 {
				level = standing.Met
			}
			a.rank(key, level, sourceAt(addr))
		}
		var links []*testLink
		for _, key := range keys {
			links = append(links, n.stranger(a, key, wire.CapFeeds))
		}
		pass(time.Second)

		// Behind the last feed that a block may have there is nothing, which needs no read.
		if answers, _ := a.ask(links[0], 100, beforeLast(100, 0)); len(answers) != 100 || read.Load() != 0 {
			t.Errorf("%d answers, %d feeds read", len(answers), read.Load())
		}
		answers, later := a.ask(links[0], 3000, beforeLast(100, 1))
		if got := read.Load(); got < outlineBurst/16 || got > outlineBurst/priceRead {
			t.Errorf("%d feeds read for a burst of questions", got)
		}
		if len(answers) == 0 || later < 2000 || len(answers)+later != 3000 {
			t.Errorf("%d answers, %d for later", len(answers), later)
		}
		for i, want := range []bool{false, false, true, true} { // 1 is of the same source
			got, _ := a.ask(links[i], 1, beforeLast(100, 1))
			if (len(got) == 1) != want {
				t.Errorf("peer %d is answered: %v", i, !want)
			}
		}
		read.Store(0)
		seconds := 0
		for range 60 {
			pass(time.Second)
			a.ask(links[0], 100, beforeLast(100, 1))
			seconds++
		}
		if got := int(read.Load()); got < seconds*outlineRate/priceRead/2 || got > seconds*outlineRate/priceRead*5/4 {
			t.Errorf("%d feeds read in %d s", got, seconds)
		}
		pass(time.Minute) // all is paid by then
		if _, later := a.ask(links[1], 10, beforeLast(100, 1)); later != 0 {
			t.Errorf("%d questions are not answered after a minute", later)
		}
	})
}

// What is looked at in memory counts, too: the authors of buckets, the blocks of authors, and the buckets that are
// hashed for a peer which refuses an author. What a question costs is no reason to give up: a second or a few later it is
// answered.
func TestOutlinesInMemoryCount(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := everyMinute(t, 3000, 1, nil)
		a := n.add(stored(s[0]))
		l := n.stranger(a, testID(60).Key(), wire.CapFeeds)
		author := testID(98).Key()
		zero := uint64(0)
		for name, q := range map[string]wire.Outline{
			"all":     {N: 1},
			"buckets": {N: 1, Buckets: []byte{author.First()}, AfterAuthor: &author},
			"authors": {N: 1, Authors: []identity.Key{author}, After: &zero},
			"blocks":  beforeLast(1500, 1),
		} {
			before := a.budgetOf(l)
			a.ask(l, 10, q)
			got := before - a.budgetOf(l)
			want := map[string]float64{"all": 0, "buckets": 1, "authors": 3, "blocks": 1000}[name]
			if got < 10*(priceQuestion+want) || got > 10*(priceQuestion+2*want+1) {
				t.Errorf("%s: %v for ten questions", name, got)
			}
		}
		before := a.budgetOf(l)
		a.Message(l, wire.Refused{Room: a.ID(), Authors: []identity.Key{testID(77).Key()}, ForMs: 60_000})
		a.ask(l, 1, wire.Outline{N: 1})
		if got := before - a.budgetOf(l); got != priceQuestion+1 {
			t.Errorf("%v for the sums of a room of one author, hashed anew", got)
		}
		a.Replica.mu.Lock()
		b := a.outlines.budgetLocked(l.Key())
		a.Replica.mu.Unlock()
		for b.TokensAt(time.Now()) > 1 {
			b.charge(int(b.TokensAt(time.Now())) / 2)
		}
		for range 100 { // of as many links
			b.charge(1 << 30)
		}
		pass(4100 * time.Millisecond)
		if _, later := a.ask(l, 1, wire.Outline{N: 1}); later != 0 {
			t.Error("the greatest debt isn't paid after four seconds")
		}
	})
}

// blockingStore has reads of cold feeds wait from a moment on.
type blockingStore struct {
	store.Store
	blocks  *atomic.Bool
	reading *atomic.Int64
	release chan struct{}
}

func (s blockingStore) PeekBlock(ctx context.Context, key store.BlockKey) ([]store.Feed, error) {
	if s.blocks.Load() {
		s.reading.Add(1)
		<-s.release
	}
	return s.Store.PeekBlock(ctx, key)
}

// Few answers for the links of one source are read from disk at a time: what they cost is known only afterwards.
// Questions that memory answers are answered meanwhile.
func TestOutlinesOfASourceAtATime(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		gate := blockingStore{blocks: new(atomic.Bool), reading: new(atomic.Int64), release: make(chan struct{})}
		a := n.add(n.cold(filepath.Join(dir, "a")), func(c *Config) { gate.Store = c.Store; c.Store = gate })
		n.giveMinutes(a, 1800, nil)
		var links []*testLink
		for i := range 40 {
			key := testID(60 + i).Key()
			a.rank(key, standing.Heard, sourceAt("10.0.0.1"))
			links = append(links, n.stranger(a, key, wire.CapFeeds))
		}
		pass(time.Second)
		gate.blocks.Store(true)
		q := beforeLast(100, 1)
		q.Room = a.ID()
		var asking sync.WaitGroup
		for _, l := range links[:39] {
			asking.Go(func() { a.Message(l, q) })
		}
		pass(time.Second)
		if got := gate.reading.Load(); got != outlineBurst/outlineBegun {
			t.Errorf("%d answers are read at a time, want %d", got, outlineBurst/outlineBegun)
		}
		close(gate.release)
		asking.Wait()
		if _, later := a.ask(links[39], 1, q); later != 0 {
			t.Error("a question waits though no other is being answered")
		}
	})
}

// budgetOf returns what a link's questions may still cost.
func (m *member) budgetOf(l *testLink) float64 {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	return m.outlines.budgetLocked(l.Key()).TokensAt(time.Now())
}

// An honest comparison of a large room costs little of what it may, and no question waits.
func TestHonestComparisonIsNeverHeldUp(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 2600
		a, _ := n.addCold(filepath.Join(dir, "a"), minutes)
		var costs float64
		for range 5 {
			b := n.add()
			n.link(a, b)
			l := a.links[b.key()]
			for range 100 {
				for a.budgetOf(l) > outlineBurst/2 { // else it would be full again before we look
					a.Replica.mu.Lock()
					a.outlines.budgetLocked(l.Key()).charge(int(a.outlines.budgetLocked(l.Key()).TokensAt(time.Now()) - outlineBurst/2))
					a.Replica.mu.Unlock()
				}
				before := a.budgetOf(l)
				pass(100 * time.Millisecond)
				costs += before + outlineRate/10 - a.budgetOf(l)
			}
			if got := b.Status().Records; got != 2*minutes {
				t.Fatalf("%d records", got)
			}
			for _, m := range sent[wire.Sums](l) {
				if m.Rest && len(m.Buckets)+len(m.Authors)+len(m.Blocks)+len(m.Ends) == 0 {
					t.Error("a question is put off")
				}
			}
			n.unlink(a, b)
		}
		t.Logf("%.0f for each comparison", costs/5)
		if costs < 5*minutes || costs > 2*5*minutes {
			t.Errorf("five comparisons cost %v", costs)
		}
	})
}

// The budgets of many sources are bounded, and all of them hear answers.
func TestOutlineBudgetsAreBounded(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		busy := testID(255).Key()
		a.rank(busy, standing.Heard, sourceAt("10.1.0.1"))
		reading := a.outlines.budgetLocked(busy)
		reading.begun = 1
		defer func() {
			if a.outlines.budgetLocked(busy) != reading {
				t.Error("a budget goes while an answer is read that it has to pay")
			}
		}()
		for i := range 3 * maxOutlineFor {
			key := testID(i % 250).Key()
			a.rank(key, standing.Heard, sourceAt(fmt.Sprintf("10.0.%d.%d", i>>8, i&255)))
			b := a.outlines.budgetLocked(key)
			if i < 2*maxOutlineFor && b.TokensAt(time.Now()) <= 0 {
				t.Fatalf("source %d has nothing", i)
			}
			b.charge(1)
			if got := len(a.Replica.mu.outlineBudgets); got > maxOutlineFor+1 {
				t.Fatalf("%d budgets", got)
			}
		}
	})
}

// The buckets of a question ascend. What doesn't is left out: naming one often would cost us and not the peer.
func TestBucketsOfAQuestionAscend(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		a.give(chain(t, 7, "x", 2)...)
		l := n.stranger(a, testID(60).Key(), wire.CapFeeds)
		first := testID(98).Key().First()
		for _, c := range []struct {
			buckets []byte
			want    int
		}{
			{[]byte{first - 1, first, first + 1}, 1},
			{slices.Repeat([]byte{first}, room.Buckets), 1},
			{[]byte{first + 1, first}, 0},
		} {
			named := 0
			answers, _ := a.ask(l, 1, wire.Outline{N: 1, Buckets: c.buckets})
			for _, x := range answers {
				named += len(x.Authors) / wire.AuthorSumSize
			}
			if named != c.want {
				t.Errorf("%d authors for buckets %.30v, want %d", named, c.buckets, c.want)
			}
		}
	})
}
