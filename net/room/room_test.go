package room

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

var lobby = record.OpenRoom("lobby")

func someone(t *testing.T, n byte) *Room {
	t.Helper()
	return New(lobby, identity.FromSeed([32]byte{n}), fmt.Sprintf("p%d", n), time.Now, 0)
}

func say(t *testing.T, r *Room, text string) []*record.Record {
	t.Helper()
	es, err := r.AppendText(record.KindChat, text)
	if err != nil {
		t.Fatal(err)
	}
	var out []*record.Record
	for _, e := range es {
		out = append(out, e.Record)
	}
	return out
}

// The same records make the same room, in whatever order and however often they come. Each author's
// messages come out once and in order.
func TestOrderDoesNotMatter(t *testing.T) {
	a, b := someone(t, 1), someone(t, 2)
	var all []*record.Record
	for i := range 50 {
		all = append(all, say(t, a, fmt.Sprint("a", i))...)
		all = append(all, say(t, b, fmt.Sprint("b", i))...)
	}
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		mixed := append(append([]*record.Record(nil), all...), all...)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		c := someone(t, 3)
		next := map[identity.Key]uint64{}
		for _, rec := range mixed {
			out, err := c.Accept(rec)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range out.Added {
				if want := next[e.Record.Author()]; e.Record.Seq() != want {
					t.Fatalf("seed %d: seq %d came out, want %d", seed, e.Record.Seq(), want)
				}
				next[e.Record.Author()]++
				if e.Name == "" {
					t.Fatalf("seed %d: no name", seed)
				}
			}
		}
		if c.Count() != len(all) {
			t.Fatalf("seed %d: %d records, want %d", seed, c.Count(), len(all))
		}
		d := someone(t, 4)
		for _, rec := range all {
			d.Accept(rec)
		}
		if c.Hash() != d.Hash() {
			t.Fatalf("seed %d: hashes differ", seed)
		}
	}
}

func TestGapIsNamed(t *testing.T) {
	a, b := someone(t, 1), someone(t, 2)
	first := say(t, a, "0")
	var later []*record.Record
	for i := range 3 {
		later = append(later, say(t, a, fmt.Sprint(i))...)
	}
	out, err := b.Accept(later[2])
	if err != nil || out.Gap == nil || out.Gap.From != 0 || out.Gap.To != 3 || out.Added != nil {
		t.Fatalf("got %+v, %v; want the gap 0–3", out, err)
	}
	for _, rec := range append(first, later[:2]...) {
		out, _ = b.Accept(rec)
	}
	if len(out.Added) != 2 {
		t.Fatalf("the last predecessor added %d records, want itself and the one that waited", len(out.Added))
	}
}

func TestOtherRoomIsRefused(t *testing.T) {
	other := New(record.OpenRoom("elsewhere"), identity.FromSeed([32]byte{9}), "x", time.Now, 0)
	if _, err := someone(t, 1).Accept(say(t, other, "hi")[0]); err != record.ErrOtherRoom {
		t.Fatalf("got %v, want record.ErrOtherRoom", err)
	}
}

// The planner asks one peer at a time for a feed, and another peer when the first is gone.
func TestPlanner(t *testing.T) {
	a, b := someone(t, 1), someone(t, 2)
	for i := range 10 {
		say(t, a, fmt.Sprint(i))
	}
	now := time.Unix(0, 0)
	p := NewPlanner(b, func() time.Time { return now })
	x, y := identity.FromSeed([32]byte{10}).Key(), identity.FromSeed([32]byte{11}).Key()
	p.SetHoldings(x, a.Frontier())
	p.SetHoldings(y, a.Frontier())
	if got := p.CountMissing(); got != 11 {
		t.Fatalf("missing %d, want 11", got)
	}
	first, ok := p.NextQuestion(x)
	if !ok || len(first.Gaps) != 1 || first.Gaps[0].To != 10 {
		t.Fatalf("asked %+v of the first", first)
	}
	if q, ok := p.NextQuestion(y); ok {
		t.Fatalf("asked %+v of the second too", q)
	}
	if q, ok := p.NextQuestion(x); ok {
		t.Fatalf("asked %+v of the first again, which owes an answer", q)
	}
	p.RemovePeer(x)
	second, ok := p.NextQuestion(y)
	if !ok || len(second.Gaps) != 1 || second.N == first.N {
		t.Fatalf("asked %+v of the second after the first had gone", second)
	}
	recs, more := a.RangeInMemory(second.Gaps[0], 1<<20)
	if len(recs) != 11 || more {
		t.Fatalf("range has %d records", len(recs))
	}
	for _, rec := range recs {
		b.Accept(rec)
	}
	p.NoteAnswer(y, first.N, nil, true)
	now = now.Add(time.Second)
	if !p.LacksFrom(y) {
		p.NoteAnswer(y, second.N, nil, true)
	}
	if _, ok := p.NextQuestion(y); ok || p.CountMissing() != 0 || a.Hash() != b.Hash() {
		t.Fatal("not level after the answer")
	}
}

// Memory is bounded: the oldest records are in the store alone. When the store deletes them too,
// the floor says so, and a newcomer begins there.
func TestMemoryLimitMovesFloor(t *testing.T) {
	a := New(lobby, identity.FromSeed([32]byte{1}), "a", time.Now, 20_000)
	for i := range 200 {
		say(t, a, fmt.Sprint("line ", i))
	}
	h := a.Frontier()[0]
	if h.Floor != 0 || h.Seq != 200 || a.Count() != 201 {
		t.Fatalf("holding %+v of %d, want all", h, a.Count())
	}
	if recs, more := a.RangeInMemory(Gap{Key: h.Key, To: 200}, 1<<20); recs != nil || !more {
		t.Fatalf("%d records of what is in the store, %v", len(recs), more)
	}
	floor := a.feeds[h.Key].memFloor
	a.DropBelow(map[record.FeedKey]uint64{h.Key: floor})
	if h = a.Frontier()[0]; floor == 0 || h.Floor != floor || h.Seq != 200 {
		t.Fatalf("holding %+v, want floor %d and seq 200", h, floor)
	}
	b := someone(t, 2)
	gaps := b.Missing(a.Frontier())
	recs, _ := a.RangeInMemory(gaps[0], 1<<20)
	if out := b.StartFeedAt(h.Key.Author, h.Key, h.Floor); out.Added != nil {
		t.Fatal("a floor was believed without a record there")
	}
	n := 0
	for _, rec := range recs {
		out, _ := b.Accept(rec)
		if out.Gap != nil && rec.Seq() == h.Floor {
			out = b.StartFeedAt(h.Key.Author, h.Key, h.Floor)
		}
		n += len(out.Added)
	}
	if n != int(h.Seq-h.Floor)+1 || a.Hash() != b.Hash() {
		t.Fatalf("%d records taken of %+v", n, h)
	}
}
