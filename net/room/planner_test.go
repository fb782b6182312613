package room

import (
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// A peer that claims records that no peer has is asked once.
func TestPlannerDropsUnmetClaims(t *testing.T) {
	b := someone(t, 2)
	now := time.Unix(0, 0)
	p := NewPlanner(b, func() time.Time { return now })
	x := identity.FromSeed([32]byte{10}).Key()
	claim := Holding{Key: record.FeedKey{Author: x, Feed: 77}, Floor: 5, Seq: 1 << 52}
	p.SetHoldings(x, []Holding{claim})
	q, ok := p.NextQuestion(x)
	if !ok || p.CountMissing() <= 0 {
		t.Fatalf("asked %v, missing %d", ok, p.CountMissing())
	}
	p.NoteAnswer(x, q.N, nil, true)
	if q, ok := p.NextQuestion(x); ok || p.LacksFrom(x) {
		t.Errorf("asked %+v again", q)
	}
	if out := b.StartFeedAt(claim.Key.Author, claim.Key, claim.Floor); out.Added != nil || b.Count() != 0 {
		t.Error("a floor without a record was taken")
	}
}

// A record that came early makes its sender a source, once. An answer in time keeps the question
// with that peer.
func TestPlannerNoteSeq(t *testing.T) {
	a, b := someone(t, 1), someone(t, 2)
	var recs []*record.Record
	for i := range 5 {
		recs = append(recs, say(t, a, fmt.Sprint(i))...)
	}
	now := time.Unix(0, 0)
	p := NewPlanner(b, func() time.Time { return now })
	x, y := identity.FromSeed([32]byte{10}).Key(), identity.FromSeed([32]byte{11}).Key()
	early := recs[3]
	out, _ := b.Accept(early)
	p.NoteSeq(x, out.Gap.Key, early.Seq())
	p.NoteSeq(y, out.Gap.Key, early.Seq())
	q, ok := p.NextQuestion(x)
	if !ok || len(q.Gaps) != 1 || q.Gaps[0].From != 0 || q.Gaps[0].To != early.Seq() {
		t.Fatalf("asked %+v", q)
	}
	now = now.Add(answerTime - time.Second)
	b.Accept(recs[0])
	p.NoteAnswer(x, q.N, nil, false)
	if q, ok := p.NextQuestion(y); ok {
		t.Errorf("asked the second %+v while the first has time to answer", q)
	}
	now = now.Add(time.Second)
	if _, ok := p.NextQuestion(y); !ok {
		t.Error("the second isn't asked when the first is late")
	}
	p.RemovePeer(y)
	if q, ok := p.NextQuestion(x); ok {
		t.Errorf("asked the first %+v again while frames of its answer come", q)
	}
	now = now.Add(silence)
	if _, ok := p.NextQuestion(x); !ok {
		t.Error("a silent peer that alone has the records isn't asked again")
	}
}

// Peers that claim a feed and send frames without end and without a record of it delay the feed by the time of
// one answer each, also when they claim it anew all the time.
func TestPlannerPassesLiars(t *testing.T) {
	const liars = 2
	a, b := someone(t, 1), someone(t, 2)
	recs := say(t, a, "x")
	start := time.Unix(0, 0)
	now := start
	p := NewPlanner(b, func() time.Time { return now })
	var liar []identity.Key
	for i := range liars {
		liar = append(liar, identity.FromSeed([32]byte{byte(10 + i)}).Key())
	}
	honest := identity.FromSeed([32]byte{20}).Key()
	p.SetHoldings(honest, a.Frontier())
	questions := map[identity.Key]Question{}
	for now.Sub(start) <= liars*answerTime {
		for i, key := range liar { // they are always first
			p.SetHoldings(key, a.Frontier())
			if q, ok := p.NextQuestion(key); ok {
				questions[key] = q
			}
			p.NoteAnswer(key, questions[key].N, nil, i == 1) // one never ends its answers, the other ends all
		}
		if _, ok := p.NextQuestion(honest); ok {
			for _, rec := range recs {
				b.Accept(rec)
			}
		}
		now = now.Add(100 * time.Millisecond)
	}
	if n := p.CountMissing(); n != 0 {
		t.Errorf("%d records are missing after %v", n, now.Sub(start))
	}
}

// A peer that claims more and more feeds in parts fills no memory. The newest claims stay.
func TestClaimsInPartsAreBounded(t *testing.T) {
	p := NewPlanner(someone(t, 2), time.Now)
	x := identity.FromSeed([32]byte{10}).Key()
	const part = 4096
	for from := 0; from < 3*MaxClaims; from += part {
		var claims []Holding
		for i := range part {
			claims = append(claims, Holding{Key: record.FeedKey{Author: x, Feed: record.Feed(from + i + 1)}, Seq: 9})
		}
		p.AddHoldings(x, claims)
	}
	s := p.sourceOf(x)
	if len(s.theirs) > MaxClaims {
		t.Errorf("%d claims are remembered", len(s.theirs))
	}
	if _, found := s.findHolding(record.FeedKey{Author: x, Feed: 3 * MaxClaims}); !found {
		t.Error("the newest claim is gone")
	}
}

// Nor does one that sends records of more and more feeds before their predecessors.
func TestNotedFeedsAreBounded(t *testing.T) {
	p := NewPlanner(someone(t, 2), time.Now)
	x := identity.FromSeed([32]byte{10}).Key()
	feed := func(i int) record.FeedKey { return record.FeedKey{Author: x, Feed: record.Feed(i + 1)} }
	for i := range maxNoted + 100 {
		p.NoteSeq(x, feed(i), 9)
	}
	s := p.sourceOf(x)
	if len(s.theirs) != maxNoted {
		t.Errorf("%d feeds are noted", len(s.theirs))
	}
	p.NoteSeq(x, feed(0), 10)
	if i, found := s.findHolding(feed(0)); !found || s.theirs[i].Seq != 10 {
		t.Error("a feed that was noted doesn't grow")
	}
}

// Of more claims than are kept, all are asked for in the end, also when answers bring nothing.
func TestClaimsThatAreCutAreAskedForLater(t *testing.T) {
	now := time.Unix(0, 0)
	p := NewPlanner(someone(t, 2), func() time.Time { return now })
	x := identity.FromSeed([32]byte{10}).Key()
	const feeds, most = 1000, 400
	p.SetLimit(x, most)
	asked := map[record.FeedKey]bool{}
	for range 5 {
		var theirs []Holding
		for i := range feeds {
			theirs = append(theirs, Holding{Key: record.FeedKey{Author: x, Feed: record.Feed(i + 1)}, Seq: 9})
		}
		p.SetHoldings(x, theirs)
		if got := p.CountClaims(x); got != most {
			t.Errorf("%d claims are kept", got)
		}
		for {
			q, any := p.NextQuestion(x)
			if !any {
				break
			}
			for _, g := range q.Gaps {
				asked[g.Key] = true
			}
			p.NoteAnswer(x, q.N, nil, true)
		}
	}
	if len(asked) != feeds {
		t.Errorf("%d of %d feeds are asked for", len(asked), feeds)
	}
}

// Small parts change the claims that they name, and no other.
func TestSmallPartsChangeTheirClaims(t *testing.T) {
	a, b := someone(t, 1), someone(t, 2)
	recs := say(t, a, "x")
	p := NewPlanner(b, time.Now)
	x := identity.FromSeed([32]byte{10}).Key()
	claim := func(feed record.Feed, seq uint64) Holding {
		return Holding{Key: record.FeedKey{Author: x, Feed: feed}, Seq: seq}
	}
	held := a.Frontier()[0]
	p.SetHoldings(x, []Holding{claim(2, 5), claim(4, 5), held})
	p.AddHoldings(x, []Holding{claim(3, 1), claim(4, 9)})
	for _, rec := range recs {
		b.Accept(rec)
	}
	p.AddHoldings(x, []Holding{held})
	s := p.sourceOf(x)
	for _, want := range []Holding{claim(2, 5), claim(3, 1), claim(4, 9)} {
		if i, found := s.findHolding(want.Key); !found || s.theirs[i] != want {
			t.Errorf("%+v isn't claimed", want)
		}
	}
	if len(s.theirs) != 3 {
		t.Errorf("%+v are claimed, also what is here", s.theirs)
	}
}
