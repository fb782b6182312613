package room

import (
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// stubFor returns a stub for the records from … to of a chain.
func stubFor(recs []*record.Record, from, to uint64) store.Stub {
	return store.Stub{Key: recs[0].FeedKey(), From: from, To: to, ID: recs[to].ID()}
}

// A stub counts only with the record behind it, which names its id, and only where its records are missing.
func TestStubNeedsTheRecordBehind(t *testing.T) {
	recs := chain(t, 2, 5, 9, record.KindChat, `{"text":"x"}`)
	for name, c := range map[string]struct {
		stub store.Stub
		rec  uint64 // given with it
		next uint64 // the feed's end then; records 0 to 2 are here
	}{
		"it fits":                      {stubFor(recs, 3, 5), 6, 7},
		"it begins with what is here":  {stubFor(recs, 1, 5), 6, 7},
		"it lacks the first":           {stubFor(recs, 4, 5), 6, 3},
		"another id":                   {store.Stub{Key: recs[0].FeedKey(), From: 3, To: 5, ID: recs[4].ID()}, 6, 3},
		"not the record behind":        {stubFor(recs, 3, 5), 7, 3},
		"another feed":                 {store.Stub{Key: record.FeedKey{Author: recs[0].Author(), Feed: 6}, From: 3, To: 5, ID: recs[5].ID()}, 6, 3},
		"all of it is here":            {stubFor(recs, 1, 2), 3, 4},
		"the record behind comes next": {stubFor(recs, 2, 2), 3, 4},
	} {
		r := someone(t, 1)
		for _, rec := range recs[:3] {
			if _, err := r.Accept(rec); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Accept(recs[4]); err != nil { // it waits, and its stub may come first
			t.Fatal(err)
		}
		out, err := r.AcceptBehind(c.stub, recs[c.rec])
		if err != nil {
			t.Fatal(err)
		}
		f := r.feeds[recs[0].FeedKey()]
		// Record 4 joins once 3 is here.
		if c.next == 4 {
			c.next = 5
		}
		if f.next() != c.next || f.head != recs[c.next-1].ID() {
			t.Errorf("%s: the feed ends at %d, want %d", name, f.next(), c.next)
		}
		if took := out.Skipped != nil; took != (c.next == 7) || took && (out.Skipped.From != 3 || out.Skipped.To != 5 || waitingIn(r) != 0) {
			t.Errorf("%s: %+v, %d wait", name, out.Skipped, waitingIn(r))
		}
	}
}

// No one's stub goes into our own feed.
func TestNoStubInOwnFeed(t *testing.T) {
	r, other := someone(t, 1), someone(t, 1)
	say(t, r, "one")
	own, _, _ := r.OwnFeed()
	other.ownFeed = own
	body := record.Body{Room: lobby, Feed: own.Feed, Seq: 3, Prev: record.ID{7}, Kind: record.KindChat, Data: record.TextData("x")}
	rec, err := record.Sign(identity.FromSeed([32]byte{1}), body)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := r.AcceptBehind(store.Stub{Key: own, From: 2, To: 2, ID: record.ID{7}}, rec); out.Skipped != nil || r.feeds[own].next() != 2 {
		t.Errorf("%+v, the feed ends at %d", out, r.feeds[own].next())
	}
}

// Two records of one author prove a fork if no honest author signs both, and nothing else does.
func TestProveFork(t *testing.T) {
	a := chain(t, 2, 5, 4, record.KindChat, `{"text":"a"}`)
	b := chain(t, 2, 5, 4, record.KindChat, `{"text":"b"}`)
	other := chain(t, 3, 5, 4, record.KindChat, `{"text":"b"}`)
	for name, c := range map[string]struct {
		a, b *record.Record
		seq  uint64
		ok   bool
	}{
		"one place, one predecessor":   {a[1], b[1], 1, true},
		"one place, two predecessors":  {a[3], b[3], 2, true},
		"not what the next one names":  {a[2], b[3], 2, true},
		"the record and the one after": {a[2], a[3], 0, false},
		"the same":                     {a[2], a[2], 0, false},
		"apart":                        {a[1], b[3], 0, false},
		"two authors":                  {a[2], other[2], 0, false},
	} {
		for _, swap := range []bool{false, true} {
			if swap {
				c.a, c.b = c.b, c.a
			}
			f, ok := ProveFork(c.a, c.b)
			if ok != c.ok || ok && (f.Seq != c.seq || f.Key != a[0].FeedKey()) {
				t.Errorf("%s: %+v, %v", name, f, ok)
			}
		}
	}
}
