package replica

import (
	"path/filepath"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
)

// oneEach signs feeds of one record each, all of one block and one author that is no member, and for the last of them a
// record whose predecessor is missing.
func oneEach(t *testing.T, feeds int) (open []*record.Record, waits *record.Record) {
	t.Helper()
	greedy := testID(96)
	sign := func(n int, b record.Body) *record.Record {
		b.Room, b.Feed, b.Time = lobby, minuteFeed(0)+record.Feed(n), record.Time{Ms: time.Now().UnixMilli()}
		rec, err := record.Sign(greedy, b)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	for n := range feeds {
		open = append(open, sign(n, record.Body{Kind: record.KindOpen, Data: []byte(`{"name":"greedy"}`)}))
	}
	return open, sign(feeds-1, record.Body{Seq: 2, Prev: open[0].ID(), Kind: record.KindChat, Data: []byte(`{"text":"x"}`)})
}

// held returns what a member has of a feed, and whether its block is cold.
func (m *member) held(key record.FeedKey) (h room.Holding, cold bool) {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	h, _ = m.room.HoldingOf(key)
	return h, m.room.IsCold(room.BlockKeyOf(key))
}

// One key begins feeds without end, in a block that never comes to rest, and a record waits in it. Live messages of
// somebody whose large blocks are on disk are heard at once all the same, and the flood stays out of memory.
func TestColdBesideFlood(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 1800
		a := n.add(n.cold(filepath.Join(dir, "a")))
		n.giveMinutes(a, minutes, nil)
		l := deadLink(testID(97).Key())
		flood, waits := oneEach(t, 12*fewWarm)
		for i, rec := range flood {
			a.Record(l, rec)
			if i%300 == 299 {
				a.Record(l, waits)
				pass(100 * time.Millisecond)
			}
		}
		if got := a.warmFeeds(); got > 8*fewWarm+1 {
			t.Errorf("%d feeds are in memory", got)
		}
		for _, minute := range []int{100, 600, 1500} { // in three blocks
			whole := n.minute(minute, 3)
			if _, cold := a.held(whole[0].FeedKey()); !cold {
				t.Fatalf("minute %d is not cold", minute)
			}
			a.Record(l, whole[2])
			if h, cold := a.held(whole[0].FeedKey()); cold || h.Seq != 2 {
				t.Errorf("minute %d: %+v, %v", minute, h, cold)
			}
			pass(time.Second)
		}
		a.Replica.mu.Lock()
		notKept := a.Replica.mu.size.notKept.total[l.Key()]
		a.Replica.mu.Unlock()
		if notKept == nil || notKept.authors[testID(96).Key()] == 0 {
			t.Errorf("no one hears of what isn't kept: %+v", notKept)
		}
		pass(10 * time.Second)
		if got := a.warmFeeds(); got > 3*fewWarm {
			t.Errorf("%d feeds are in memory in the end", got)
		}
	})
}
