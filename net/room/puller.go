package room

import (
	"errors"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// Limits of a comparison by sums.
const (
	MaxOutlineBlocks  = 64  // blocks in a Request
	MaxOutlineAuthors = 256 // authors in a Request
	MaxSumsFrames     = 4   // frames of an Answer

	// maxQueued is how many authors or blocks that differ wait at most when more are asked for. The rest is asked for
	// later, so memory is bounded whatever a peer claims.
	maxQueuedAuthors = 2048
	maxQueuedBlocks  = 8192

	// maxColdBlocks is how many blocks of a Request are cold here: each of them comes into memory.
	maxColdBlocks = 4

	fewFeeds  = 500  // an answer with fewer feeds lets the next one be about more blocks
	manyFeeds = 2000 // and one with more about fewer

	maxUnanswered = 5           // questions in a row without an answer until a comparison ends
	pause         = time.Second // after an answer for which the peer had no room
)

// ErrOutline is the error of an answer that doesn't fit its question.
var ErrOutline = errors.New("malformed sums")

// Request asks a peer for sums: of all buckets if it names nothing, else one level below what it names. AfterAuthor,
// or After with the block or feed of the first item, continues an answer that had a rest.
type Request struct {
	N           uint64
	Buckets     []byte
	Authors     []identity.Key
	Blocks      []BlockKey
	AfterAuthor *identity.Key
	After       *uint64
}

// Answer is a part of the answer to a Request. It has one of Buckets, Authors, Blocks and Ends, or nothing.
type Answer struct {
	N         uint64
	Buckets   []Sum
	Authors   []AuthorSum
	Blocks    []AuthorBlocks
	Ends      []BlockEnds
	End, Rest bool
}

// AuthorBlocks are an author's blocks, the greatest first.
type AuthorBlocks struct {
	Author identity.Key
	Blocks []BlockSum
}

// BlockEnds says what a peer holds of a block's feeds, sorted.
type BlockEnds struct {
	Key   BlockKey
	Feeds []Holding
}

// Puller finds out what peers hold and the room lacks, by descending from sums that differ. What it finds goes to the
// planner, the newest blocks first. Comparisons with several peers don't wait for each other. Where a block differs with
// several peers, one of them has it for itself for a moment: so they share the work, and none can withhold it.
type Puller struct {
	room    *Room
	planner *Planner
	now     func() time.Time
	pulls   map[identity.Key]*pull
	claims  map[BlockKey][]blockClaim
	last    uint64 // number of the last request

	leftOut func(peer identity.Key) func(author identity.Key) bool
	refuses func() func(from, author identity.Key) bool
}

// pull is the comparison with one peer.
type pull struct {
	asked      *Request // not answered yet
	heard      time.Time
	frames     int // frames of its answer
	feeds      int // feeds in its answer
	unanswered int // requests in a row without an answer that says anything

	begun   bool          // the buckets' sums were asked for
	buckets []byte        // that differ, ascending
	authors []AuthorSum   // that differ
	blocks  []queuedBlock // that differ, the newest first
	// Where the first bucket and the first author go on, and the block that an answer left unfinished.
	inBucket *identity.Key
	inAuthor *uint64
	inBlock  cursor
	latest   cursor        // the last item of the answer so far
	batch    int           // how many blocks are asked for at once
	current  []queuedBlock // whose ends were asked for last
	resume   time.Time     // nothing is asked before
}

// cursor is a place in an answer.
type cursor struct {
	author *identity.Key
	block  *BlockKey
	at     *uint64 // a block of author, or a feed of block
}

// queuedBlock is a block that differs, with the peer's sum.
type queuedBlock struct {
	key BlockKey
	sum Sum
}

// NewPuller returns a puller for r that hands on to p what it finds. now is the monotonic clock.
func NewPuller(r *Room, p *Planner, now func() time.Time) *Puller {
	return &Puller{room: r, planner: p, now: now, pulls: map[identity.Key]*pull{}, claims: map[BlockKey][]blockClaim{}}
}

// SetRefusals says which authors are left out of comparisons. leftOut returns those that a peer refuses. refuses returns
// whether an author that a peer lists would be refused here.
func (p *Puller) SetRefusals(leftOut func(peer identity.Key) func(author identity.Key) bool, refuses func() func(from, author identity.Key) bool) {
	p.leftOut, p.refuses = leftOut, refuses
}

// HasCompared reports whether a comparison that runs has found all that a peer has of an author.
func (p *Puller) HasCompared(with, author identity.Key) bool {
	s := p.pulls[with]
	if s == nil || !s.begun {
		return false
	}
	isOf := func(b queuedBlock) bool { return b.key.Author == author }
	bucket := bucketOf(author)
	switch q := s.asked; {
	case slices.Contains(s.buckets, bucket), s.inBlock.block != nil && s.inBlock.block.Author == author,
		slices.ContainsFunc(s.authors, func(a AuthorSum) bool { return a.Author == author }), slices.ContainsFunc(s.blocks, isOf):
		return false
	case q != nil:
		return !slices.Contains(q.Buckets, bucket) && !slices.Contains(q.Authors, author) && !slices.ContainsFunc(s.current, isOf)
	}
	return true
}

// Begin begins to compare with a peer, unless a comparison runs.
func (p *Puller) Begin(with identity.Key) {
	if p.pulls[with] == nil {
		p.pulls[with] = &pull{batch: 1}
	}
}

// Running reports whether a comparison with a peer runs.
func (p *Puller) Running(with identity.Key) bool { return p.pulls[with] != nil }

// Awaits reports whether an answer of a peer is to the last question.
func (p *Puller) Awaits(from identity.Key, n uint64) bool {
	s := p.pulls[from]
	return s != nil && s.asked != nil && s.asked.N == n
}

// RemovePeer ends the comparison with a peer.
func (p *Puller) RemovePeer(key identity.Key) {
	if s := p.pulls[key]; s != nil {
		p.release(key, s)
		delete(p.pulls, key)
	}
}

// NextRequest returns what to ask a peer now. It returns false while the peer has a question to answer, while the
// planner lacks records of what it named before, and when there is nothing to ask.
func (p *Puller) NextRequest(of identity.Key) (Request, bool) {
	s := p.pulls[of]
	if s == nil {
		return Request{}, false
	}
	if s.asked != nil {
		if p.now().Sub(s.heard) < silence {
			return Request{}, false
		}
		p.askAgain(s, cursor{})
	}
	if p.planner.LacksFrom(of) || p.now().Before(s.resume) {
		return Request{}, false
	}
	p.release(of, s)
	if s.unanswered++; s.unanswered > maxUnanswered {
		p.RemovePeer(of)
		return Request{}, false
	}
	q := p.choose(of, s)
	if q == nil {
		s.unanswered--
		if s.done() {
			delete(p.pulls, of)
		}
		return Request{}, false
	}
	p.last++
	q.N = p.last
	s.asked, s.heard, s.frames, s.feeds, s.latest = q, p.now(), 0, 0, cursor{}
	return *q, true
}

func (s *pull) done() bool {
	return s.begun && len(s.buckets)+len(s.authors)+len(s.blocks) == 0 && s.inBlock.block == nil
}

// choose returns the next request, or nil. It prefers the upper levels while there is memory for their answers, so that
// the newest of all blocks comes first.
func (p *Puller) choose(of identity.Key, s *pull) *Request {
	switch {
	case !s.begun:
		return &Request{}
	case s.inBlock.block == nil && len(s.buckets) > 0 && len(s.authors) < maxQueuedAuthors:
		q := &Request{Buckets: s.buckets, AfterAuthor: s.inBucket}
		s.buckets, s.inBucket = nil, nil
		return q
	case s.inBlock.block == nil && len(s.authors) > 0 && len(s.blocks) < maxQueuedBlocks:
		q := &Request{After: s.inAuthor}
		n := min(len(s.authors), MaxOutlineAuthors)
		for _, a := range s.authors[:n] {
			q.Authors = append(q.Authors, a.Author)
		}
		s.authors, s.inAuthor = slices.Clone(s.authors[n:]), nil
		return q
	}
	return p.chooseBlocks(of, s)
}

// chooseBlocks asks for the ends of the newest blocks that still differ and that no other peer has for itself.
func (p *Puller) chooseBlocks(of identity.Key, s *pull) *Request {
	q := &Request{}
	if first := s.inBlock; first.block != nil {
		q.Blocks, q.After = append(q.Blocks, *first.block), first.at
		s.current = append(s.current, queuedBlock{key: *first.block})
		s.inBlock = cursor{}
	}
	kept := s.blocks[:0]
	cold := 0
	for _, b := range s.blocks {
		isCold := p.room.IsCold(b.key)
		switch {
		case p.room.blockSum(b.key) == b.sum:
		case isCold && cold == maxColdBlocks:
			kept = append(kept, b)
		case len(q.Blocks) < s.batch && p.claim(of, b.key):
			if isCold {
				cold++
			}
			q.Blocks, s.current = append(q.Blocks, b.key), append(s.current, b)
		default:
			kept = append(kept, b)
		}
	}
	clear(s.blocks[len(kept):])
	s.blocks = kept
	if len(q.Blocks) == 0 {
		return nil
	}
	return q
}

// TakeAnswer takes a part of a peer's answer, and returns what the peer holds of the feeds that the answer names. An
// answer to another question than the last is ignored. ErrOutline ends the comparison.
func (p *Puller) TakeAnswer(from identity.Key, a Answer) ([]Holding, error) {
	s := p.pulls[from]
	if !p.Awaits(from, a.N) {
		return nil, nil
	}
	s.heard = p.now()
	s.frames++
	held, ok := p.take(from, s, a)
	if !ok || s.frames > MaxSumsFrames || s.frames == MaxSumsFrames && !a.End {
		p.RemovePeer(from)
		return nil, ErrOutline
	}
	s.feeds += len(held)
	if !a.End {
		return held, nil
	}
	if a.Rest && s.latest == (cursor{}) { // its queue was full
		s.resume = p.now().Add(pause)
	} else {
		s.unanswered = 0
	}
	switch q := s.asked; {
	case a.Rest:
		p.askAgain(s, s.latest)
	case len(q.Blocks) == 0:
		s.begun = true
	case s.feeds < fewFeeds:
		s.batch = min(2*s.batch, MaxOutlineBlocks)
	case s.feeds > manyFeeds:
		s.batch = max(1, s.batch/2)
	}
	s.asked = nil
	return held, nil
}
