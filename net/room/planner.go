package room

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Limits of one question to a peer.
const (
	maxRanges = 256
	maxAsked  = 4096 // records
	// answerTime is how long a peer has for its whole answer before another is asked for the same, too. As questions
	// are looked after once a second, the other is asked within 5 s. Frames that come don't extend it: a peer that
	// claims records and answers without end must not withhold them.
	answerTime = 4 * time.Second
	// silence is how long a peer may send no frame of its answer before it is asked once more.
	silence = 15 * time.Second
)

// Planner decides which missing records to ask of which peer. It asks one peer at a time for a feed, and another
// when that peer is gone, late, or lacks the records. A peer that answered late or with nothing comes after all
// others that claim the same feed. Each peer has at most one question to answer.
type Planner struct {
	room         *Room
	now          func() time.Time
	sources      map[identity.Key]*source
	lastQuestion uint64 // number of the last question
}

// source is what a peer claims to hold of the room, and the question it has to answer.
type source struct {
	theirs []Holding               // sorted by key, no key twice
	asked  Question                // not answered yet, if it has gaps
	gaps   int                     // how many gaps of asked the answer has reached: it may be cut before the others
	since  time.Time               // when it was asked
	heard  time.Time               // when the last frame of the answer came, or the question was asked
	failed map[record.FeedKey]bool // feeds that its last answers were late for, or brought nothing of
	parts  bool                    // theirs came in parts: the newest blocks are asked for first
	most   int                     // how many claims are kept
}

// Question says what to ask of a peer. N tells its answer from answers to other questions.
type Question struct {
	N    uint64
	Gaps []Gap
}

// NewPlanner returns a planner for r. now is the monotonic clock.
func NewPlanner(r *Room, now func() time.Time) *Planner {
	return &Planner{room: r, now: now, sources: map[identity.Key]*source{}}
}

// MaxClaims is how many claims of a peer are kept at most. NoteSeq adds none above maxNoted.
const (
	MaxClaims = 1 << 15
	maxNoted  = 1 << 8
	fewClaims = 16 // a part with no more is put among the claims without a look at all others
)

// SetLimit sets how many claims of a peer are kept from now on, at most MaxClaims. Later comparisons find others.
func (p *Planner) SetLimit(of identity.Key, most int) { p.sourceOf(of).most = min(most, MaxClaims) }

// CountClaims returns how many claims of a peer are kept.
func (p *Planner) CountClaims(of identity.Key) int {
	if s := p.sources[of]; s != nil {
		return len(s.theirs)
	}
	return 0
}

// SetHoldings replaces what a peer claims to hold. It keeps the slice. Of too many claims those stay that the room lacks,
// and first those for which no answer was late or brought nothing.
func (p *Planner) SetHoldings(from identity.Key, theirs []Holding) {
	s := p.sourceOf(from)
	if len(theirs) > s.most {
		theirs = slices.DeleteFunc(theirs, func(h Holding) bool { return !p.room.lacks(h) })
		failed := slices.DeleteFunc(slices.Clone(theirs), func(h Holding) bool { return !s.failed[h.Key] })
		if len(failed) == len(theirs) { // begin anew
			clear(s.failed)
		}
		theirs = append(slices.DeleteFunc(theirs, func(h Holding) bool { return s.failed[h.Key] }), failed...)
		theirs = slices.Clone(theirs[:min(len(theirs), s.most)])
	}
	s.replace(theirs)
}

// AddHoldings adds to what a peer claims to hold, or replaces it for the same feeds. It forgets claims of what the room
// has by now, so that a comparison in parts needs the memory of a part. Of too many claims the newest stay.
func (p *Planner) AddHoldings(from identity.Key, part []Holding) {
	s := p.sourceOf(from)
	s.parts = true
	if len(part) <= fewClaims && len(s.theirs)+len(part) <= s.most {
		for _, h := range part {
			s.set(h, p.room.lacks(h))
		}
		return
	}
	theirs := slices.DeleteFunc(slices.Clone(part), func(h Holding) bool { return !p.room.lacks(h) })
	if len(theirs) > s.most {
		theirs = theirs[:s.most]
	}
	named := make(map[record.FeedKey]bool, len(part))
	for _, h := range part {
		named[h.Key] = true
	}
	for _, h := range s.theirs {
		if len(theirs) >= s.most {
			break
		}
		if !named[h.Key] && p.room.lacks(h) {
			theirs = append(theirs, h)
		}
	}
	s.replace(theirs)
}

// set takes a claim in place of the one about the same feed, or takes that away.
func (s *source) set(h Holding, keep bool) {
	i, found := s.findHolding(h.Key)
	switch {
	case found && keep:
		s.theirs[i] = h
	case found:
		s.theirs = slices.Delete(s.theirs, i, i+1)
	case keep:
		s.theirs = slices.Insert(s.theirs, i, h)
	}
}

// replace takes claims in place of those before.
func (s *source) replace(theirs []Holding) {
	slices.SortStableFunc(theirs, func(a, b Holding) int { return a.Key.Compare(b.Key) })
	s.theirs = slices.CompactFunc(theirs, func(a, b Holding) bool { return a.Key == b.Key })
	if len(s.theirs) >= s.most {
		return // what failed may be claimed beyond the limit
	}
	maps.DeleteFunc(s.failed, func(key record.FeedKey, _ bool) bool {
		_, found := s.findHolding(key)
		return !found
	})
}

// ClaimedBlocks returns the blocks of which some peer has records that the room lacks.
func (p *Planner) ClaimedBlocks() map[BlockKey]bool {
	out := map[BlockKey]bool{}
	for _, s := range p.sources {
		for _, g := range p.room.Missing(s.theirs) {
			out[BlockKeyOf(g.Key)] = true
		}
	}
	return out
}

// NoteSeq notes that a peer holds a feed up to seq: it sent that record before its predecessors. Of a peer with many
// claims it notes no further feed: the next comparison finds those.
func (p *Planner) NoteSeq(from identity.Key, key record.FeedKey, seq uint64) {
	s := p.sourceOf(from)
	if i, found := s.findHolding(key); !found {
		if len(s.theirs) < min(s.most, maxNoted) {
			s.theirs = slices.Insert(s.theirs, i, Holding{Key: key, Seq: seq})
		}
	} else if s.theirs[i].Seq < seq {
		s.theirs[i].Seq = seq
	}
}

func (s *source) findHolding(key record.FeedKey) (int, bool) {
	return slices.BinarySearchFunc(s.theirs, key, func(h Holding, key record.FeedKey) int { return h.Key.Compare(key) })
}

func (p *Planner) sourceOf(key identity.Key) *source {
	s := p.sources[key]
	if s == nil {
		s = &source{failed: map[record.FeedKey]bool{}, most: MaxClaims}
		p.sources[key] = s
	}
	return s
}

// RemovePeer forgets a peer. The planner then asks other peers for what that peer was asked for.
func (p *Planner) RemovePeer(key identity.Key) {
	delete(p.sources, key)
}

// NoteAnswer notes a frame of a peer's answer to question n, which has records of these feeds; end marks the last frame.
// It reports whether the answer has ended and filled something.
//
// One that fills nothing shows that the peer lacks what was asked for, so that it is asked of it again only after a new
// claim. An answer may be cut where it is long, though, and then says nothing of the gaps behind: a liar's feed whose
// beginning is missing takes up the whole answer, and fills nothing.
func (p *Planner) NoteAnswer(of identity.Key, n uint64, feeds []record.FeedKey, end bool) (filled bool) {
	s := p.sources[of]
	if s == nil || s.asked.N != n || len(s.asked.Gaps) == 0 {
		return false
	}
	s.heard = p.now()
	for _, key := range feeds {
		s.reach(key)
	}
	if !end {
		return false
	}
	p.noteLate(s)
	gaps := s.asked.Gaps
	s.asked = Question{}
	if slices.ContainsFunc(gaps, func(g Gap) bool { return p.room.isFilledOrEnded(g) }) {
		return true
	}
	if s.gaps > 0 {
		gaps = gaps[:s.gaps]
	}
	if len(s.failed) > MaxClaims { // of feeds that it claims no more
		clear(s.failed)
	}
	lacks := make(map[record.FeedKey]bool, len(gaps))
	for _, g := range gaps {
		s.failed[g.Key], lacks[g.Key] = true, true
	}
	s.theirs = slices.DeleteFunc(s.theirs, func(h Holding) bool { return lacks[h.Key] })
	return false
}

// reach notes that the answer has come to a feed. It fills gaps in the order in which they were asked for.
func (s *source) reach(key record.FeedKey) {
	for i := max(s.gaps-1, 0); i < len(s.asked.Gaps); i++ {
		if s.asked.Gaps[i].Key == key {
			s.gaps = i + 1
			return
		}
	}
}

// noteLate notes for which feeds a peer's answer took too long, and for which it came in time.
func (p *Planner) noteLate(s *source) {
	for _, g := range s.asked.Gaps {
		if p.isLate(s) {
			s.failed[g.Key] = true
		} else if p.room.isFilledOrEnded(g) {
			delete(s.failed, g.Key)
		}
	}
}

// CountMissing counts the records that some peer claims and the room lacks.
func (p *Planner) CountMissing() int {
	most := map[record.FeedKey]uint64{}
	for _, s := range p.sources {
		for _, g := range p.room.Missing(s.theirs) {
			most[g.Key] = max(most[g.Key], g.To-g.From+1)
		}
	}
	n := uint64(0)
	for _, m := range most {
		n += min(m, maxMissing) // a limit to what a peer can make the user believe
	}
	return int(min(n, maxMissing))
}

const maxMissing = 1 << 30

// IsAsked reports whether a peer has a question to answer.
func (p *Planner) IsAsked(key identity.Key) bool {
	s := p.sources[key]
	return s != nil && len(s.asked.Gaps) > 0
}

// LacksFrom reports whether the room lacks records that the peer claims to hold.
func (p *Planner) LacksFrom(of identity.Key) bool {
	s := p.sources[of]
	return s != nil && slices.ContainsFunc(s.theirs, p.room.lacks)
}

// NextQuestion returns what to ask of a peer now. It returns false while the peer has a question to
// answer, and when the peer has no missing records that no other peer is asked for.
func (p *Planner) NextQuestion(of identity.Key) (Question, bool) {
	s := p.sources[of]
	if s == nil || len(s.asked.Gaps) > 0 && p.now().Sub(s.heard) < silence {
		return Question{}, false
	}
	p.noteLate(s)
	asked := map[record.FeedKey]bool{} // another peer was asked for these, and has time to answer
	for key, other := range p.sources {
		if key == of {
			continue
		}
		if p.isLate(other) {
			p.noteLate(other)
			continue
		}
		for _, g := range other.asked.Gaps {
			asked[g.Key] = true
		}
	}
	var gaps []Gap
	left := uint64(maxAsked)
	missing := p.room.Missing(s.theirs)
	if s.parts {
		slices.SortStableFunc(missing, func(a, b Gap) int { return cmp.Compare(BlockOf(b.Key.Feed), BlockOf(a.Key.Feed)) })
	}
	for _, g := range missing {
		if asked[g.Key] || s.failed[g.Key] && p.hasBetter(of, g) {
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
	p.lastQuestion++
	s.asked, s.gaps = Question{N: p.lastQuestion, Gaps: gaps}, 0
	s.since = p.now()
	s.heard = s.since
	return s.asked, true
}

// isLate reports whether the peer hasn't answered its question whole in time.
func (p *Planner) isLate(s *source) bool {
	return len(s.asked.Gaps) > 0 && p.now().Sub(s.since) >= answerTime
}

// hasBetter reports whether a peer beside this one claims the beginning of a gap and didn't fail at its feed.
func (p *Planner) hasBetter(than identity.Key, g Gap) bool {
	for key, s := range p.sources {
		if key == than || s.failed[g.Key] || p.isLate(s) {
			continue
		}
		if i, found := s.findHolding(g.Key); found && s.theirs[i].Floor <= g.From && s.theirs[i].Seq >= g.From {
			return true
		}
	}
	return false
}

// IsEarliestStart reports whether the peer's copy of a feed begins at floor, and no other peer's
// copy earlier. The records below floor are then lost (see Room.StartFeedAt).
func (p *Planner) IsEarliestStart(of identity.Key, key record.FeedKey, floor uint64) bool {
	first := false
	for k, s := range p.sources {
		i, found := s.findHolding(key)
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
