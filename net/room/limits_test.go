package room

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// chain signs an open record and n more records of a kind.
func chain(t *testing.T, author byte, feed record.Feed, n int, kind record.Kind, data string) []*record.Record {
	t.Helper()
	id := identity.FromSeed([32]byte{author})
	body := record.Body{Room: lobby, Feed: feed, Kind: record.KindOpen, Data: []byte(`{"name":"x"}`)}
	var out []*record.Record
	for seq := range uint64(n + 1) {
		body.Seq, body.Time = seq, record.Time{Ms: 1, N: int64(seq)}
		rec, err := record.Sign(id, body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
		body.Prev, body.Kind, body.Data = rec.ID(), kind, []byte(data)
	}
	return out
}

// What we sign ourselves is appended, whatever its kind and however much it is: a record that isn't would have its
// place taken by the next one, which proves a fork.
func TestOwnRecordsAreAppended(t *testing.T) {
	r := someone(t, 1)
	other := someone(t, 2)
	data := json.RawMessage(`{"x":"` + strings.Repeat("x", 8000) + `"}`)
	say(t, r, "first")
	feed, _, _ := r.OwnFeed()
	for i := range 3 * MaxUnknown / len(data) {
		before := r.feeds[feed].next()
		e, err := r.signNext("later", data)
		if err != nil || e.Record.Seq() != before || r.feeds[feed].next() != before+1 {
			t.Fatalf("record %d: seq %d, %v; the feed went on from %d to %d", i, e.Record.Seq(), err, before, r.feeds[feed].next())
		}
		if out, _ := other.Accept(e.Record); out.Fork != nil {
			t.Fatalf("record %d proves a fork", i)
		}
	}
	for _, rec := range say(t, r, "last") {
		if out, _ := other.Accept(rec); out.Fork != nil {
			t.Error("the next message proves a fork")
		}
	}
}

// A room keeps kinds that this version doesn't know, up to 1 MiB a feed. Above that it keeps their ids, and the feed
// goes on. Other feeds keep their whole limit.
func TestUnknownKindsAreBounded(t *testing.T) {
	r := someone(t, 1)
	data := `{"x":"` + strings.Repeat("x", 30_000) + `"}`
	for feed := record.Feed(1); feed <= 3; feed++ {
		recs := chain(t, 2, feed, 50, "poll", data)
		if feed == 3 { // those that waited count as well
			if _, err := r.Accept(recs[49]); err != nil || waitingIn(r) != 1 {
				t.Fatalf("%d records wait, %v", waitingIn(r), err)
			}
		}
		kept, skipped := 0, 0
		for _, rec := range recs {
			out, err := r.Accept(rec)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range out.Added {
				switch {
				case e.Skipped:
					skipped++
				case e.Record.Kind() == "poll":
					kept += len(e.Record.Signed())
				}
			}
		}
		if kept > MaxUnknown || kept < MaxUnknown-2*len(data) || skipped < 10 {
			t.Errorf("%d bytes kept, want just under %d; %d skipped", kept, MaxUnknown, skipped)
		}
		key, last := recs[50].FeedKey(), recs[50]
		if f := r.feeds[key]; f.next() != 51 || f.head != last.ID() || f.memBytes != 0 {
			t.Errorf("the feed ends at %d, with %d bytes in memory", f.next(), f.memBytes)
		}
		if gaps := r.Missing([]Holding{{Key: key, Seq: last.Seq()}}); gaps != nil {
			t.Errorf("would ask for %+v again", gaps)
		}
		body := last.Body()
		body.Seq, body.Prev, body.Kind, body.Data = 51, last.ID(), record.KindChat, record.TextData("still here")
		next, err := record.Sign(identity.FromSeed([32]byte{2}), body)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := r.Accept(next); err != nil || len(out.Added) != 1 || out.Added[0].Skipped {
			t.Errorf("a message behind: %+v, %v", out, err)
		}
	}
	if waitingIn(r) != 0 || r.waiting.budget.Used() != 0 {
		t.Errorf("%d records of %d bytes wait", waitingIn(r), r.waiting.budget.Used())
	}
}

// Records without their predecessors are kept up to a number and a size. The count stays right when
// they are appended, belong to a fork, or are given up.
func TestWaitingIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		n    int
	}{
		"many":  {`{"text":"x"}`, maxWaitingBytes/minWaitingCost + 100},
		"large": {`{"text":"` + strings.Repeat("x", record.MaxText) + `"}`, maxWaitingBytes/record.MaxText + 100},
	} {
		t.Run(name, func(t *testing.T) {
			r := someone(t, 1)
			recs := chain(t, 2, 5, c.n, record.KindChat, c.data)
			for _, rec := range recs[2:] {
				if out, err := r.Accept(rec); err != nil || out.Gap == nil {
					t.Fatalf("%+v, %v", out, err)
				}
			}
			if waitingIn(r) > maxWaitingBytes/minWaitingCost || r.waiting.budget.Used() > maxWaitingBytes {
				t.Errorf("%d records of %d bytes wait", waitingIn(r), r.waiting.budget.Used())
			}
			waited := waitingIn(r)
			if out, _ := r.Accept(recs[0]); len(out.Added) != 1 {
				t.Fatalf("%d added, want the first only", len(out.Added))
			}
			if out, _ := r.Accept(recs[1]); len(out.Added) != waited+1 {
				t.Errorf("%d added, want itself and all %d that waited", len(out.Added), waited)
			}
			if waitingIn(r) != 0 || r.waiting.budget.Used() != 0 {
				t.Errorf("%d records of %d bytes still wait", waitingIn(r), r.waiting.budget.Used())
			}
		})
	}
}

// Memory is bounded however many feeds there are, and the room says which records are in the store.
func TestManyFeedsAreBounded(t *testing.T) {
	const limit = 100_000
	r := New(lobby, identity.FromSeed([32]byte{1}), "a", time.Now, limit)
	own := say(t, r, strings.Repeat("o", 5000))
	data := `{"text":"` + strings.Repeat("x", 5000) + `"}`
	full := someone(t, 1)
	for _, rec := range own {
		full.Accept(rec)
	}
	for feed := range record.Feed(100) {
		for _, rec := range chain(t, 2, feed+1, 1, record.KindChat, data) {
			if out, err := r.Accept(rec); err != nil || len(out.Added) != 1 {
				t.Fatalf("%+v, %v", out, err)
			}
			full.Accept(rec)
		}
		if r.memBytes > limit {
			t.Fatalf("%d bytes in memory with %d feeds", r.memBytes, feed+1)
		}
	}
	sum := 0
	for _, f := range r.feeds {
		for _, rec := range f.records {
			sum += len(rec.Signed())
		}
	}
	if sum != r.memBytes {
		t.Errorf("%d bytes are in memory, %d are counted", sum, r.memBytes)
	}
	if r.Hash() != full.Hash() || r.Count() != full.Count() {
		t.Error("the frontier changed with the records in memory")
	}
	h := Holding{Key: record.FeedKey{Author: identity.FromSeed([32]byte{2}).Key(), Feed: 1}, Seq: 1}
	if recs, more := r.RangeInMemory(Gap{Key: h.Key, To: 1}, limit); recs != nil || !more {
		t.Errorf("%d records of the first feed, %v, want that it is in the store", len(recs), more)
	}
	if recs, _ := r.RangeInMemory(Gap{Key: r.ownFeed, From: 1, To: 1}, limit); len(recs) != 1 {
		t.Error("the last local message isn't in memory, so its delivery can't be reported")
	}
	next := chain(t, 2, 1, 2, record.KindChat, data)
	if out, err := r.Accept(next[2]); err != nil || len(out.Added) != 1 {
		t.Errorf("a feed that is in the store doesn't go on: %+v, %v", out, err)
	}
}

func TestWaitingEndsWithAFork(t *testing.T) {
	r := someone(t, 1)
	recs, other := chain(t, 2, 5, 5, record.KindChat, `{"text":"a"}`), chain(t, 2, 5, 5, record.KindChat, `{"text":"b"}`)
	for _, rec := range []*record.Record{recs[0], recs[1], recs[4], recs[5]} {
		r.Accept(rec)
	}
	if out, _ := r.Accept(other[1]); out.Fork == nil {
		t.Fatal("no fork found")
	}
	if waitingIn(r) != 0 || r.waiting.budget.Used() != 0 {
		t.Errorf("%d records of %d bytes still wait", waitingIn(r), r.waiting.budget.Used())
	}
}

func TestRecordsOutsideFeedsAreRefused(t *testing.T) {
	rec, err := record.Sign(identity.FromSeed([32]byte{2}), record.Body{Room: lobby, Kind: "proposal", Data: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := someone(t, 1).Accept(rec); !errors.Is(err, ErrNoFeed) {
		t.Errorf("got %v, want ErrNoFeed", err)
	}
}
