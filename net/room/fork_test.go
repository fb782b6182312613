package room

import (
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// extend signs n more messages of the author behind the records of a chain.
func extend(t *testing.T, author byte, records []*record.Record, n int, text string) []*record.Record {
	t.Helper()
	id := identity.FromSeed([32]byte{author})
	out := append([]*record.Record(nil), records...)
	for range n {
		last := out[len(out)-1]
		rec, err := record.Sign(id, record.Body{
			Room: lobby, Feed: last.Feed(), Seq: last.Seq() + 1, Prev: last.ID(),
			Time: record.Time{Ms: 1, N: int64(len(out))}, Kind: record.KindChat, Data: fmt.Appendf(nil, `{"text":"%s"}`, text),
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}

// twoChains signs two chains of one feed, with the records 0 to common the same and n more in each.
func twoChains(t *testing.T, author byte, common, n int) (a, b []*record.Record) {
	t.Helper()
	shared := chain(t, author, 5, common, record.KindChat, `{"text":"same"}`)
	return extend(t, author, shared, n, "a"), extend(t, author, shared, n, "b")
}

func acceptAll(t *testing.T, r *Room, records []*record.Record) {
	t.Helper()
	for _, rec := range records {
		if _, err := r.Accept(rec); err != nil {
			t.Fatal(err)
		}
	}
}

// Two records behind the same one end the feed below them, whichever comes first.
func TestForkProof(t *testing.T) {
	a, b := twoChains(t, 7, 0, 2)
	var proof Fork
	for i, order := range [][2][]*record.Record{{a, b}, {b, a}} {
		r := someone(t, 1)
		acceptAll(t, r, order[0])
		before := r.Hash()
		out, _ := r.Accept(order[1][1])
		if r.Hash() == before {
			t.Error("the hash is the one before the fork")
		}
		if out.Fork == nil || out.Fork.Seq != 1 {
			t.Fatalf("got %+v, want the fork at 1", out)
		}
		if i == 0 {
			proof = *out.Fork
		} else if *out.Fork != proof {
			t.Errorf("another proof: %+v, want %+v", *out.Fork, proof)
		}
		if h := r.Frontier(); len(h) != 1 || h[0].Seq != 0 {
			t.Errorf("frontier %+v, want an end at 0", h)
		}
		if out, _ := r.Accept(order[0][2]); out.Added != nil {
			t.Error("a record above the fork was taken")
		}
		if gaps := r.Missing([]Holding{{Key: a[0].FeedKey(), Seq: 2}}); gaps != nil {
			t.Errorf("records above the fork are asked for: %+v", gaps)
		}
	}
}

// The lowest of several forks counts.
func TestLowestForkCounts(t *testing.T) {
	shared := chain(t, 7, 5, 4, record.KindChat, `{"text":"same"}`)
	low, high := extend(t, 7, shared[:2], 1, "low"), extend(t, 7, shared[:4], 1, "high")
	r := someone(t, 1)
	acceptAll(t, r, shared)
	for _, c := range []struct {
		rec  *record.Record
		want uint64
	}{{high[4], 4}, {low[2], 2}} {
		if out, _ := r.Accept(c.rec); out.Fork == nil || out.Fork.Seq != c.want {
			t.Fatalf("got %+v, want the fork at %d", out.Fork, c.want)
		}
	}
	if out, _ := r.Accept(high[4]); out.Fork != nil {
		t.Error("the higher fork was reported again")
	}
	forks := r.ForksUnknownTo([]Holding{{Key: low[0].FeedKey(), Seq: 3}, {Key: record.FeedKey{Author: low[0].Author(), Feed: 9}, Seq: 3}})
	if len(forks) != 1 || forks[0].Seq != 2 {
		t.Errorf("forks for a peer that is beyond: %+v", forks)
	}
	if forks := r.ForksUnknownTo([]Holding{{Key: low[0].FeedKey(), Seq: 1}}); forks != nil {
		t.Errorf("forks for a peer that ends below: %+v", forks)
	}
}

// A record that waits may be in conflict with another one for its place.
func TestForkAmongWaiting(t *testing.T) {
	a, b := twoChains(t, 7, 2, 2)
	r := someone(t, 1)
	acceptAll(t, r, a[:1])
	for _, rec := range []*record.Record{a[3], a[4]} {
		if out, _ := r.Accept(rec); out.Gap == nil {
			t.Fatalf("%d doesn't wait", rec.Seq())
		}
	}
	if out, _ := r.Accept(b[4]); out.Diverged == nil || out.Diverged.Seq != 4 {
		t.Errorf("behind other records: %+v, want a divergence below 4", out)
	}
	if out, _ := r.Accept(b[3]); out.Fork == nil || out.Fork.Seq != 3 {
		t.Fatalf("behind the same record: %+v, want the fork at 3", out)
	}
	acceptAll(t, r, a[1:3])
	if h := r.Frontier(); len(h) != 1 || h[0].Seq != 2 || waitingIn(r) != 0 || r.waiting.budget.Used() != 0 {
		t.Errorf("frontier %+v, %d waiting; want an end at 2 and none", h, waitingIn(r))
	}
}

// A record of another chain leads to its divergence, and that to the fork, also where the records are
// in the store only.
func TestDivergenceLeadsToFork(t *testing.T) {
	a, b := twoChains(t, 7, 2, 6)
	key := a[0].FeedKey()
	for _, inStore := range []bool{false, true} {
		r := someone(t, 1)
		acceptAll(t, r, a)
		if inStore {
			r = someone(t, 1)
			restored := storeFeed(a)
			r.Restore(restored, nil)
		}
		if out, _ := r.Accept(extend(t, 7, b, 1, "b")[9]); out.Diverged == nil || *out.Diverged != (Divergence{Key: key, Seq: 9}) {
			t.Fatalf("next of another chain: %+v", out)
		}
		var fork *Fork
		for i := len(b) - 1; i >= 0 && fork == nil; i-- {
			out, _ := r.Accept(b[i])
			if out.InStore {
				if !inStore {
					t.Fatalf("%d is said to be in the store", i)
				}
				if out := r.CompareStored(b[i], b[i]); out.Fork != nil || out.Diverged != nil {
					t.Errorf("the same record: %+v", out)
				}
				out = r.CompareStored(b[i], a[i])
			}
			fork = out.Fork
			if fork == nil && (out.Diverged == nil || out.Diverged.Seq != b[i].Seq()) {
				t.Fatalf("record %d: %+v, want a divergence", i, out)
			}
		}
		if fork == nil || fork.Seq != 3 || len(r.Frontier()) != 1 || r.Frontier()[0].Seq != 2 {
			t.Errorf("in the store %v: fork %+v, frontier %+v; want both at 3", inStore, fork, r.Frontier())
		}
	}
}

func TestCompareStoredRefusesOtherPlaces(t *testing.T) {
	a, b := twoChains(t, 7, 0, 2)
	r := someone(t, 1)
	if out := r.CompareStored(b[1], a[1]); out.Fork != nil {
		t.Error("a fork in a feed that isn't here")
	}
	acceptAll(t, r, a)
	if out := r.CompareStored(b[1], a[2]); out.Fork != nil || out.Diverged != nil {
		t.Errorf("records of two places: %+v", out)
	}
}

func TestFindDivergences(t *testing.T) {
	a, b := twoChains(t, 7, 1, 3)
	key := a[0].FeedKey()
	r := someone(t, 1)
	acceptAll(t, r, a)
	stored := someone(t, 1)
	stored.Restore(storeFeed(a), nil)
	for _, c := range []struct {
		name   string
		room   *Room
		theirs Holding
		want   bool
	}{
		{"same end", r, Holding{Key: key, Seq: 4, Head: a[4].ID().Head()}, false},
		{"other end", r, Holding{Key: key, Seq: 4, Head: b[4].ID().Head()}, true},
		{"other end in the store", stored, Holding{Key: key, Seq: 4, Head: b[4].ID().Head()}, true},
		{"same end in the store", stored, Holding{Key: key, Seq: 4, Head: a[4].ID().Head()}, false},
		{"other end below ours", r, Holding{Key: key, Seq: 3, Head: b[3].ID().Head()}, true},
		{"end below ours, in the store", stored, Holding{Key: key, Seq: 3, Head: b[3].ID().Head()}, false},
		{"beyond our end", r, Holding{Key: key, Seq: 5, Head: 1}, false},
		{"unknown head", r, Holding{Key: key, Seq: 4}, false},
		{"all deleted", r, Holding{Key: key, Floor: 5, Seq: 4, Head: 1}, false},
		{"unknown feed", r, Holding{Key: record.FeedKey{Author: key.Author, Feed: 6}, Seq: 4, Head: 1}, false},
	} {
		got := c.room.FindDivergences([]Holding{c.theirs})
		if c.want != (len(got) == 1) || c.want && got[0] != (Divergence{Key: key, Seq: c.theirs.Seq + 1}) {
			t.Errorf("%s: %+v, want a divergence: %v", c.name, got, c.want)
		}
	}
}

// A record that is already here, in memory or in the store, does nothing.
func TestKnownRecordDoesNothing(t *testing.T) {
	a, _ := twoChains(t, 7, 3, 0)
	r := New(lobby, identity.FromSeed([32]byte{1}), "p", time.Now, 0)
	acceptAll(t, r, a)
	before := r.Hash()
	for _, rec := range a {
		if out, err := r.Accept(rec); err != nil || out.Added != nil || out.Gap != nil || out.Diverged != nil || out.InStore {
			t.Errorf("record %d again: %+v, %v", rec.Seq(), out, err)
		}
	}
	if r.Count() != len(a) || r.Hash() != before {
		t.Errorf("%d records, want %d", r.Count(), len(a))
	}
}
