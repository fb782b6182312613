package room

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// A gap is given up when the author says so, or after gapTimeout. A feed of which nothing is held
// begins at once.
func TestStartFeedAt(t *testing.T) {
	author, peer := identity.FromSeed([32]byte{2}).Key(), identity.FromSeed([32]byte{3}).Key()
	key := record.FeedKey{Author: author, Feed: 5}
	recs := chain(t, 2, 5, 20, record.KindChat, `{"text":"x"}`)
	for name, c := range map[string]struct {
		held int // records from the feed's beginning
		from identity.Key
		wait time.Duration
		want int
	}{
		"nothing held":     {0, peer, 0, 2},
		"too early":        {3, peer, gapTimeout - time.Second, 0},
		"after a while":    {3, peer, gapTimeout, 2},
		"the author says":  {3, author, 0, 2},
		"nothing waits":    {9, author, 0, 0}, // the record at the floor is appended already
		"all of it is had": {21, author, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1000, 0)
			r := New(lobby, identity.FromSeed([32]byte{1}), "a", func() time.Time { return now }, 0)
			for _, rec := range append(recs[:c.held:c.held], recs[5], recs[8], recs[9]) {
				if _, err := r.Accept(rec); err != nil {
					t.Fatal(err)
				}
			}
			now = now.Add(c.wait)
			if got := len(r.StartFeedAt(c.from, key, 8).Added); got != c.want {
				t.Errorf("%d records took their place, want %d", got, c.want)
			}
			if h := r.Frontier(); c.want > 0 && (len(h) != 1 || h[0].Floor != 8 || h[0].Seq != 9) {
				t.Errorf("holding %+v", h)
			}
			if c.want > 0 && (waitingIn(r) != 0 || r.waiting.budget.Used() != 0) {
				t.Errorf("%d records of %d bytes wait below the floor", waitingIn(r), r.waiting.budget.Used())
			}
		})
	}
}

// A feed begins at the lowest start of all asked peers' copies.
func TestIsEarliestStart(t *testing.T) {
	x, y := identity.FromSeed([32]byte{10}).Key(), identity.FromSeed([32]byte{11}).Key()
	key := record.FeedKey{Author: x, Feed: 77}
	p := NewPlanner(someone(t, 2), time.Now)
	begins := func(of identity.Key, floor uint64, want bool) {
		t.Helper()
		if got := p.IsEarliestStart(of, key, floor); got != want {
			t.Errorf("begins at %d: %v", floor, got)
		}
	}
	begins(x, 5, false)
	p.SetHoldings(x, []Holding{{Key: key, Floor: 5, Seq: 9}})
	begins(x, 5, true)
	begins(x, 6, false)
	begins(y, 5, false) // y's copy begins elsewhere
	p.SetHoldings(y, []Holding{{Key: key, Floor: 3, Seq: 9}})
	begins(x, 5, false)
	begins(y, 3, true)
	p.RemovePeer(y)
	begins(x, 5, true)
}

// A copy that begins in the middle of a feed is truncated for a room that holds nothing of the
// feed, and not for a room that has its beginning.
func TestHasTruncatedFeeds(t *testing.T) {
	key := record.FeedKey{Author: identity.FromSeed([32]byte{2}).Key(), Feed: 5}
	recs := chain(t, 2, 5, 20, record.KindChat, `{"text":"x"}`)
	theirs := []Holding{{Key: key, Floor: 8, Seq: 19}}
	for name, c := range map[string]struct {
		has  []*record.Record
		want bool
	}{
		"nothing":       {nil, true},
		"one waits":     {recs[10:11], true},
		"the beginning": {recs[:3], false},
	} {
		r := someone(t, 1)
		for _, rec := range c.has {
			if _, err := r.Accept(rec); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.HasTruncatedFeeds(theirs); got != c.want {
			t.Errorf("a room that has %s: %v", name, got)
		}
		if r.HasTruncatedFeeds([]Holding{{Key: key, Seq: 19}}) {
			t.Errorf("a room that has %s: a whole feed counts as truncated", name)
		}
	}
}
