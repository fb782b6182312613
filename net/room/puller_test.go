package room

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// serve answers a request as a peer with that room does, with at most so many items an answer.
func serve(r *Room, q Request, items int) Answer {
	a := Answer{N: q.N, End: true}
	full := func() bool {
		items--
		a.Rest = items < 0
		return a.Rest
	}
	switch {
	case len(q.Buckets) > 0:
		for _, b := range q.Buckets {
			for _, x := range r.AuthorSums(b) {
				if q.AfterAuthor != nil && x.Author.Compare(*q.AfterAuthor) <= 0 {
					continue
				}
				if full() {
					return a
				}
				a.Authors = append(a.Authors, x)
			}
		}
	case len(q.Authors) > 0:
		for i, author := range q.Authors {
			out := AuthorBlocks{Author: author}
			for _, x := range r.BlockSums(author) {
				if i == 0 && q.After != nil && uint64(x.Block) >= *q.After {
					continue
				}
				if full() {
					break
				}
				out.Blocks = append(out.Blocks, x)
			}
			if len(out.Blocks) > 0 {
				a.Blocks = append(a.Blocks, out)
			}
			if a.Rest {
				return a
			}
		}
	case len(q.Blocks) > 0:
		for i, key := range q.Blocks {
			out := BlockEnds{Key: key}
			for _, h := range r.BlockEnds(key) {
				if i == 0 && q.After != nil && uint64(h.Key.Feed) <= *q.After {
					continue
				}
				if full() {
					break
				}
				out.Feeds = append(out.Feeds, h)
			}
			if len(out.Feeds) > 0 {
				a.Ends = append(a.Ends, out)
			}
			if a.Rest {
				return a
			}
		}
	default:
		sums := bucketSums(r, nil)
		a.Buckets = sums[:]
	}
	return a
}

// Whatever a peer has and the room lacks is found, however short the answers are, and nothing else is asked for.
func TestPullFindsAll(t *testing.T) {
	feeds := someFeeds(t)
	peer := identity.FromSeed([32]byte{90}).Key()
	rapid.Check(t, func(rt *rapid.T) {
		ours, theirs := someone(t, 1), someone(t, 2)
		missing := 0
		for _, f := range feeds {
			has, lacks := rapid.IntRange(0, len(f)).Draw(rt, "ours"), rapid.IntRange(0, len(f)).Draw(rt, "theirs")
			acceptAll(t, ours, f[:has])
			acceptAll(t, theirs, f[:lacks])
			missing += max(0, lacks-has)
		}
		now := time.Unix(1000, 0)
		planner := NewPlanner(ours, func() time.Time { return now })
		puller := NewPuller(ours, planner, func() time.Time { return now })
		puller.Begin(peer)
		items := rapid.IntRange(1, 20).Draw(rt, "items")
		got := 0
		for asked := 0; puller.Running(peer); asked++ {
			if asked > 500 {
				rt.Fatal("no end")
			}
			q, any := puller.NextRequest(peer)
			if !any {
				continue
			}
			for _, key := range q.Blocks {
				if ours.blockSum(key) == theirs.blockSum(key) && q.After == nil && len(q.Blocks) == 1 {
					rt.Errorf("asked for an equal block")
				}
			}
			held, err := puller.TakeAnswer(peer, serve(theirs, q, items))
			if err != nil {
				rt.Fatal(err)
			}
			planner.AddHoldings(peer, held)
			for w, any := planner.NextQuestion(peer); any; w, any = planner.NextQuestion(peer) {
				for _, g := range w.Gaps {
					recs, _ := theirs.RangeInMemory(g, 1<<20)
					acceptAll(t, ours, recs)
					got += len(recs)
				}
				planner.NoteAnswer(peer, w.N, nil, true)
			}
		}
		if got != missing {
			rt.Errorf("%d records came, want %d", got, missing)
		}
		for _, f := range feeds {
			h, _ := theirs.HoldingOf(f[0].FeedKey())
			if h.Key != (record.FeedKey{}) && ours.lacks(h) {
				rt.Errorf("%v is lacking", h)
			}
		}
	})
}

// pulling returns a puller whose peers all claim one block that the room lacks, with that block's key. Each was asked
// for sums down to the ends.
func pulling(t *testing.T, peers ...identity.Key) (p *Puller, theirs *Room, key BlockKey, now *time.Time) {
	t.Helper()
	at := time.Unix(1000, 0)
	now = &at
	clock := func() time.Time { return *now }
	ours, theirs := someone(t, 1), someone(t, 2)
	rec := chain(t, 10, 5<<blockShift, 0, "", "")
	acceptAll(t, theirs, rec)
	p = NewPuller(ours, NewPlanner(ours, clock), clock)
	for _, peer := range peers {
		p.Begin(peer)
		for range 3 {
			q, any := p.NextRequest(peer)
			if !any {
				t.Fatal("nothing is asked")
			}
			if _, err := p.TakeAnswer(peer, serve(theirs, q, 10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p, theirs, BlockKey{rec[0].Author(), 5}, now
}

// A block is asked of one peer at a time, of another one once the first is 5 s late, and it can't be had for oneself
// again and again.
func TestBlockIsClaimedForAMoment(t *testing.T) {
	x, y := identity.FromSeed([32]byte{50}).Key(), identity.FromSeed([32]byte{51}).Key()
	p, theirs, key, now := pulling(t, x, y)
	if q, any := p.NextRequest(x); !any || len(q.Blocks) != 1 || q.Blocks[0] != key {
		t.Fatalf("asked x for %+v", q)
	}
	if q, any := p.NextRequest(y); any {
		t.Errorf("asked y for %+v as well", q)
	}
	*now = now.Add(answerTime)
	p.RemovePeer(x)
	p.Begin(x)
	for range 3 {
		q, _ := p.NextRequest(x)
		if _, err := p.TakeAnswer(x, serve(theirs, q, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if q, any := p.NextRequest(x); !any || len(q.Blocks) != 1 {
		t.Errorf("asked x for %+v again", q)
	}
	if q, any := p.NextRequest(y); !any || len(q.Blocks) != 1 {
		t.Errorf("asked y for %+v, after x was late", q)
	}
}

// A peer that is gone, or that has answered, leaves its blocks to others at once.
func TestBlockIsReleased(t *testing.T) {
	x, y := identity.FromSeed([32]byte{50}).Key(), identity.FromSeed([32]byte{51}).Key()
	for name, release := range map[string]func(p *Puller, n uint64){
		"gone": func(p *Puller, _ uint64) { p.RemovePeer(x) },
		"answered": func(p *Puller, n uint64) {
			if _, err := p.TakeAnswer(x, Answer{N: n, End: true}); err != nil {
				t.Error(err)
			}
			p.NextRequest(x)
		},
	} {
		p, _, _, _ := pulling(t, x, y)
		q, _ := p.NextRequest(x)
		release(p, q.N)
		if q, any := p.NextRequest(y); !any || len(q.Blocks) != 1 {
			t.Errorf("%s: asked y for %+v", name, q)
		}
	}
}

// A peer that doesn't answer is asked again, and the comparison ends after a few times. One that has no room for its
// answer is asked again a moment later.
func TestUnanswered(t *testing.T) {
	x := identity.FromSeed([32]byte{50}).Key()
	p, _, _, now := pulling(t, x)
	asked := 0
	for p.Running(x) && asked < 20 {
		if _, any := p.NextRequest(x); any {
			asked++
		}
		*now = now.Add(silence)
	}
	if asked != maxUnanswered {
		t.Errorf("asked %d times", asked)
	}
	p, _, _, now = pulling(t, x)
	q, _ := p.NextRequest(x)
	if _, err := p.TakeAnswer(x, Answer{N: q.N, End: true, Rest: true}); err != nil {
		t.Fatal(err)
	}
	if _, any := p.NextRequest(x); any {
		t.Error("asked at once")
	}
	*now = now.Add(pause)
	if again, any := p.NextRequest(x); !any || len(again.Blocks) != 1 {
		t.Errorf("asked for %+v after the pause", again)
	}
}

// Answers that don't fit the question end the comparison: what isn't asked for, out of order, or without end.
func TestAnswersThatDontFit(t *testing.T) {
	x := identity.FromSeed([32]byte{50}).Key()
	other := identity.FromSeed([32]byte{77}).Key()
	end := func(key BlockKey, feeds ...record.Feed) BlockEnds {
		out := BlockEnds{Key: key}
		for _, f := range feeds {
			out.Feeds = append(out.Feeds, Holding{Key: feedKey(key.Author, f)})
		}
		return out
	}
	const first = record.Feed(5 << blockShift)
	for name, answer := range map[string]func(key BlockKey) Answer{
		"buckets":        func(BlockKey) Answer { return Answer{Buckets: make([]Sum, Buckets)} },
		"authors":        func(BlockKey) Answer { return Answer{Authors: []AuthorSum{{Author: other}}} },
		"blocks":         func(BlockKey) Answer { return Answer{Blocks: []AuthorBlocks{{Author: other}}} },
		"another block":  func(BlockKey) Answer { return Answer{Ends: []BlockEnds{end(BlockKey{other, 5}, first)}} },
		"another's feed": func(key BlockKey) Answer { return Answer{Ends: []BlockEnds{end(key, first<<1)}} },
		"descending":     func(key BlockKey) Answer { return Answer{Ends: []BlockEnds{end(key, first+1, first)}} },
		"twice":          func(key BlockKey) Answer { return Answer{Ends: []BlockEnds{end(key, first+1), end(key, first+1)}} },
	} {
		p, _, key, _ := pulling(t, x)
		q, _ := p.NextRequest(x)
		a := answer(key)
		a.N = q.N
		if _, err := p.TakeAnswer(x, a); err == nil || p.Running(x) {
			t.Errorf("%s: %v, running: %v", name, err, p.Running(x))
		}
	}
	p, _, _, _ := pulling(t, x)
	q, _ := p.NextRequest(x)
	for i := range MaxSumsFrames {
		if _, err := p.TakeAnswer(x, Answer{N: q.N}); (err != nil) != (i == MaxSumsFrames-1) {
			t.Errorf("frame %d: %v", i, err)
		}
	}
}
