package room

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// kinds lists the kinds of entries.
func kinds(es []store.Entry) (out []record.Kind) {
	for _, e := range es {
		out = append(out, e.Record.Kind())
	}
	return out
}

// Local times lie behind all times heard, but a peer with a wrong clock doesn't move the local
// clock.
func TestLocalClockFollowsPeersWithinLimit(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	for _, c := range []struct{ ahead, want time.Duration }{
		{-time.Hour, 0}, {maxAhead, maxAhead}, {maxAhead + time.Millisecond, 0}, {24 * time.Hour, 0},
	} {
		a := New(lobby, identity.FromSeed([32]byte{1}), "a", func() time.Time { return now.Add(c.ahead) }, 0)
		b := New(lobby, identity.FromSeed([32]byte{2}), "b", func() time.Time { return now }, 0)
		var heard record.Time
		for _, rec := range say(t, a, "x") {
			if _, err := b.Accept(rec); err != nil {
				t.Fatal(err)
			}
			heard = rec.Time()
		}
		got := say(t, b, "y")[0].Time()
		if got.Ms != now.Add(c.want).UnixMilli() || c.want > 0 && got.Compare(heard) <= 0 {
			t.Errorf("after %v by a clock %v ahead the local time is %v", heard, c.ahead, got)
		}
	}
}

// A record with the greatest counter there is leaves the local peer a time for its next record, also when it was
// read from a store, and when a second such record comes.
func TestLocalClockAfterTheGreatestCounter(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	stranger := identity.FromSeed([32]byte{9})
	for name, hear := range map[string]func(*Room, *record.Record) error{
		"live": func(r *Room, rec *record.Record) error { _, err := r.Accept(rec); return err },
		"from disk": func(r *Room, rec *record.Record) error {
			r.Restore([]store.Feed{{Key: rec.FeedKey(), Next: 1, Head: rec.ID(), Time: rec.Time()}}, nil)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(lobby, identity.FromSeed([32]byte{1}), "a", func() time.Time { return now }, 0)
			ahead := now.Add(maxAhead).UnixMilli()
			for feed, at := range []record.Time{{Ms: now.UnixMilli(), N: 1<<53 - 1}, {Ms: now.UnixMilli() + 1, N: maxCounter}, {Ms: ahead, N: 1<<53 - 1}} {
				rec, err := record.Sign(stranger, record.Body{Room: lobby, Feed: record.Feed(feed + 1), Time: at,
					Kind: record.KindOpen, Data: record.NamingData("mallory")})
				if err != nil {
					t.Fatal(err)
				}
				if err := hear(r, rec); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					said, err := r.AppendText(record.KindChat, "heard?")
					if err != nil {
						t.Fatalf("after a record of %v: %v", at, err)
					}
					if got := said[len(said)-1].Record.Time(); got.Compare(at) <= 0 || got.N > maxCounter {
						t.Errorf("after a record of %v the local time is %v", at, got)
					}
				}
			}
		})
	}
}

// Two runs of one profile that hear each other each keep their own chain.
func TestTwoRunsKeepTheirChains(t *testing.T) {
	one, two, other := someone(t, 1), someone(t, 1), someone(t, 2)
	for range 3 {
		for _, r := range [][2]*Room{{one, two}, {two, one}} {
			for _, rec := range say(t, r[0], "x") {
				for _, hears := range []*Room{r[1], other} {
					if out, err := hears.Accept(rec); err != nil || len(out.Added) != 1 {
						t.Fatalf("%+v, %v", out, err)
					}
				}
			}
		}
	}
	if other.Count() != 8 || other.Hash() != one.Hash() || one.Hash() != two.Hash() {
		t.Errorf("%d records of two runs", other.Count())
	}
}

// A name that no record takes blocks messages only until the name is changed.
func TestInvalidNameOpensNoFeed(t *testing.T) {
	r := New(lobby, identity.FromSeed([32]byte{1}), "\x00", time.Now, 0)
	if es, err := r.AppendText(record.KindChat, "x"); err == nil || es != nil {
		t.Fatalf("said %v, %v", kinds(es), err)
	}
	if _, _, any := r.OwnFeed(); any || r.Count() != 0 {
		t.Error("a feed was opened without a record")
	}
	if _, err := r.Rename("good"); err != nil {
		t.Fatal(err)
	}
	es, err := r.AppendText(record.KindChat, "x")
	if err != nil || len(es) != 1 || es[0].Record.Seq() != 1 || es[0].Name != "good" {
		t.Errorf("said %v, %v", kinds(es), err)
	}
}

// When the store loses more of the local feed than memory holds, no place is used twice: the next
// message opens another feed, behind the last signed record.
func TestLostLocalFeedIsAbandoned(t *testing.T) {
	r := New(lobby, identity.FromSeed([32]byte{1}), "a", time.Now, 2000)
	var last *record.Record
	for range 50 {
		recs := say(t, r, "line")
		last = recs[len(recs)-1]
	}
	before, _, _ := r.OwnFeed()
	if again := r.ResaveOrTruncate(before, 5, record.ID{1}); again != nil {
		t.Fatalf("ResaveOrTruncate returned %d records, though some were only in the store", len(again))
	}
	if _, _, any := r.OwnFeed(); any {
		t.Error("the feed goes on")
	}
	es, err := r.AppendText(record.KindChat, "after")
	if err != nil || len(es) != 2 || es[0].Record.Kind() != record.KindOpen || es[0].Record.Feed() == before.Feed || es[0].Record.Prev() != last.ID() {
		t.Errorf("said %v, %v", kinds(es), err)
	}
}
