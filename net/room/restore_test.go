package room

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// storeFeed returns the frontier of a store that holds these records of a feed.
func storeFeed(records []*record.Record) []store.Feed {
	last := records[len(records)-1]
	return []store.Feed{{Key: last.FeedKey(), Next: last.Seq() + 1, Head: last.ID(), Time: last.Time(), Name: "x"}}
}

// A restored room has the frontier and the hash that it had, and goes on behind its last record.
func TestRestore(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	clock := func() time.Time { return now }
	id := identity.FromSeed([32]byte{1})
	before := New(lobby, id, "p", clock, 0)
	var own []*record.Record
	for range 3 {
		own = append(own, say(t, before, "hi")...)
	}
	others := chain(t, 2, 5, 4, record.KindChat, `{"text":"x"}`)
	acceptAll(t, before, others)

	now = now.Add(-time.Minute) // a clock that was set back
	after := New(lobby, id, "p", clock, 0)
	after.Restore(append(storeFeed(own), storeFeed(others)...), nil)
	if after.Hash() != before.Hash() || after.Count() != before.Count() {
		t.Errorf("%d records with hash %s, want %d with %s", after.Count(), after.Hash(), before.Count(), before.Hash())
	}
	if _, _, any := after.OwnFeed(); any {
		t.Error("a new run has a feed before its first message")
	}
	first := say(t, after, "again")[0]
	last := own[len(own)-1]
	if first.Prev() != last.ID() || first.Feed() == last.Feed() || first.Time().Compare(last.Time()) <= 0 {
		t.Errorf("the next feed begins with %+v, want it behind %+v", first.Body(), last.Body())
	}
	if out, err := after.Accept(extend(t, 2, others, 1, "y")[5]); err != nil || len(out.Added) != 1 || out.Added[0].Name != "x" {
		t.Errorf("the next record of a restored feed: %+v, %v", out, err)
	}
}

// Forks are restored with their evidence, without it, and in feeds of which nothing is held.
func TestRestoreForks(t *testing.T) {
	a, b := twoChains(t, 7, 1, 2)
	key := a[0].FeedKey()
	fork := &Fork{Key: key, Seq: 2, A: a[2], B: b[2]}
	held := storeFeed(a[:2])
	held[0].Forked = true
	for _, c := range []struct {
		name     string
		feeds    []store.Feed
		forks    []*Fork
		evidence int
	}{
		{"with evidence", held, []*Fork{fork}, 1},
		{"without evidence", held, nil, 0},
		{"nothing held", nil, []*Fork{fork}, 1},
	} {
		r := someone(t, 1)
		r.Restore(c.feeds, c.forks)
		if gaps := r.Missing([]Holding{{Key: key, Floor: 2, Seq: 9}}); gaps != nil {
			t.Errorf("%s: records above the fork are asked for: %+v", c.name, gaps)
		}
		if forks := r.ForksUnknownTo([]Holding{{Key: key, Seq: 9}}); len(forks) != c.evidence {
			t.Errorf("%s: %d forks to send, want %d", c.name, len(forks), c.evidence)
		}
		if out, err := r.Accept(a[3]); err != nil || out.Added != nil || out.Gap != nil {
			t.Errorf("%s: a record above the fork: %+v, %v", c.name, out, err)
		}
	}
}

// Records that the store lost and memory holds are saved again; others must come again from peers.
func TestResaveOrTruncate(t *testing.T) {
	records := chain(t, 7, 5, 9, record.KindChat, `{"text":"x"}`)
	key := records[0].FeedKey()
	r := someone(t, 1)
	acceptAll(t, r, records)
	for _, next := range []uint64{10, 11} {
		if again := r.ResaveOrTruncate(key, next, record.ID{}); again != nil {
			t.Errorf("%d records to save of a store that has all below %d", len(again), next)
		}
	}
	again := r.ResaveOrTruncate(key, 6, records[5].ID())
	if len(again) != 4 || again[0].Record != records[6] || again[0].Name != "x" || r.Count() != 10 {
		t.Errorf("%d records to save, %d held; want 4 and 10", len(again), r.Count())
	}

	r = someone(t, 1)
	r.Restore(storeFeed(records), nil)
	before := r.Hash()
	if again := r.ResaveOrTruncate(key, 6, records[5].ID()); again != nil || r.Count() != 6 {
		t.Errorf("%d records to save, %d held; want none and 6", len(again), r.Count())
	}
	if r.Hash() == before {
		t.Error("the hash is the one before the loss")
	}
	if gaps := r.Missing([]Holding{{Key: key, Seq: 9}}); len(gaps) != 1 || gaps[0] != (Gap{Key: key, From: 6, To: 9}) {
		t.Errorf("missing %+v, want 6 to 9", gaps)
	}
	if out, _ := r.Accept(records[6]); len(out.Added) != 1 {
		t.Errorf("record 6 again: %+v", out)
	}
}
