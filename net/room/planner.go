package room

import (
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Bounds of one question: what a peer is asked for at a time.
const (
	maxRanges  = 64
	maxAsked   = 4096             // records
	askTimeout = 15 * time.Second // without a word of the answer: then another peer is asked
)

// Planner decides which missing records to ask of whom: every feed of one peer at a time, and of
// another when that one is gone, silent, or doesn't have it. A peer is asked one question at a time.
// Its methods may be called from any goroutine.
type Planner struct {
	room *Room
	now  func() time.Time

	mu      sync.Mutex
	sources map[identity.Key]*source
	n       uint64 // of the last question
}

// source is what is known of a peer's copy of the room.
type source struct {
	theirs []Holding // sorted by key, no key twice
	asked  Question  // in flight, if it has gaps
	since  time.Time // the last word of its answer, else when it was asked
}

// Question is what to ask of a peer. N tells its answer from those of other questions.
type Question struct {
	N    uint64
	Gaps []Gap
}

// NewPlanner plans for r. now is the monotonic clock.
func NewPlanner(r *Room, now func() time.Time) *Planner {
	return &Planner{room: r, now: now, sources: map[identity.Key]*source{}}
}

// Heard replaces what is known of a peer's holdings. The planner keeps the slice.
func (p *Planner) SetHoldings(from identity.Key, theirs []Holding) {
	slices.SortStableFunc(theirs, func(a, b Holding) int { return compareKeys(a.Key, b.Key) })
	theirs = slices.CompactFunc(theirs, func(a, b Holding) bool { return a.Key == b.Key })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.source(from).theirs = theirs
}

// Ahead notes that a peer has a feed up to seq: a record of it came before its predecessors.
func (p *Planner) NoteSeq(from identity.Key, key record.FeedKey, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.source(from)
	if i, found := s.find(key); !found {
		s.theirs = slices.Insert(s.theirs, i, Holding{Key: key, Seq: seq})
	} else if s.theirs[i].Seq < seq {
		s.theirs[i].Seq = seq
	}
}

func (s *source) find(key record.FeedKey) (int, bool) {
	return slices.BinarySearchFunc(s.theirs, key, func(h Holding, key record.FeedKey) int { return compareKeys(h.Key, key) })
}

func (p *Planner) source(key identity.Key) *source {
	s := p.sources[key]
	if s == nil {
		s = &source{}
		p.sources[key] = s
	}
	return s
}

// Gone forgets a peer; what it was asked for is free to be asked of others.
func (p *Planner) RemovePeer(key identity.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sources, key)
}

// Answered notes a frame of the answer to question n of a peer; end says that it was the last. If the
// whole answer filled nothing of what was asked, the peer doesn't have it after all, and isn't asked
// for it again until it says that it does.
func (p *Planner) NoteAnswer(of identity.Key, n uint64, end bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sources[of]
	if s == nil || s.asked.N != n || len(s.asked.Gaps) == 0 {
		return
	}
	s.since = p.now()
	if !end {
		return
	}
	gaps := s.asked.Gaps
	s.asked = Question{}
	if slices.ContainsFunc(gaps, func(g Gap) bool { return p.room.reaches(g) }) {
		return
	}
	for _, g := range gaps {
		if i, found := s.find(g.Key); found {
			s.theirs = slices.Delete(s.theirs, i, i+1)
		}
	}
}

// Missing counts the records that some peer has and the room lacks.
func (p *Planner) CountMissing() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := map[record.FeedKey]uint64{}
	for _, s := range p.sources {
		for _, g := range p.room.Missing(s.theirs) {
			most[g.Key] = max(most[g.Key], g.To-g.From+1)
		}
	}
	n := uint64(0)
	for _, m := range most {
		n += min(m, maxMissing) // what a peer claims is not to be believed without end
	}
	return int(min(n, maxMissing))
}

const maxMissing = 1 << 30

// Lacks reports whether the room lacks something that the peer has.
func (p *Planner) LacksFrom(of identity.Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sources[of]
	return s != nil && len(p.room.Missing(s.theirs)) > 0
}

// Next is what to ask of a peer now; false while it owes an answer, or when it has nothing that is
// missing and not asked of somebody else.
func (p *Planner) NextQuestion(of identity.Key) (Question, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sources[of]
	if s == nil || p.owes(s) {
		return Question{}, false
	}
	busy := map[record.FeedKey]bool{}
	for key, other := range p.sources {
		if key != of && p.owes(other) {
			for _, g := range other.asked.Gaps {
				busy[g.Key] = true
			}
		}
	}
	var gaps []Gap
	left := uint64(maxAsked)
	for _, g := range p.room.Missing(s.theirs) {
		if busy[g.Key] {
			continue
		}
		if g.To-g.From >= left {
			g.To = g.From + left - 1
		}
		left -= g.To - g.From + 1
		if gaps = append(gaps, g); left == 0 || len(gaps) == maxRanges {
			break
		}
	}
	if len(gaps) == 0 {
		s.asked = Question{}
		return Question{}, false
	}
	p.n++
	s.asked, s.since = Question{N: p.n, Gaps: gaps}, p.now()
	return s.asked, true
}

// owes reports whether an answer of the peer is still waited for. Called with mu held.
func (p *Planner) owes(s *source) bool {
	return len(s.asked.Gaps) > 0 && p.now().Sub(s.since) < askTimeout
}

// Begins reports whether the peer's copy of a feed begins at floor, and nobody else's before that: what
// is below can't be had (Room.Raise).
func (p *Planner) IsEarliestStart(of identity.Key, key record.FeedKey, floor uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := false
	for k, s := range p.sources {
		i, found := s.find(key)
		if !found {
			continue
		}
		if s.theirs[i].Floor < floor {
			return false
		}
		first = first || k == of && s.theirs[i].Floor == floor
	}
	return first
}
