package room

import (
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// Bounds of one question: what a peer is asked for at a time.
const (
	maxRanges  = 64
	maxAsked   = 4096             // records
	askTimeout = 15 * time.Second // after that another peer is asked
)

// Planner decides which missing records to ask of whom: every feed of one peer at a time, and of
// another when that one is gone, silent, or doesn't have it. Its methods may be called from any
// goroutine.
type Planner struct {
	room *Room
	now  func() time.Time

	mu      sync.Mutex
	sources map[identity.Key]*source
}

type source struct {
	theirs []Holding
	asked  []Gap // in flight
	since  time.Time
}

// NewPlanner plans for r. now is the monotonic clock.
func NewPlanner(r *Room, now func() time.Time) *Planner {
	return &Planner{room: r, now: now, sources: map[identity.Key]*source{}}
}

// Heard replaces what is known of a peer's holdings.
func (p *Planner) Heard(from identity.Key, theirs []Holding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.source(from).theirs = theirs
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
func (p *Planner) Gone(key identity.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sources, key)
}

// Answered ends the question to a peer. Where its copy of a feed begins above what was asked, the
// room's does so from now on, unless somebody else has more.
func (p *Planner) Answered(key identity.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sources[key]; s != nil {
		s.asked = nil
	}
}

// Missing counts the records that some peer has and the room lacks.
func (p *Planner) Missing() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := map[FeedKey]int{}
	for _, s := range p.sources {
		for _, g := range p.room.Missing(s.theirs) {
			most[g.Key] = max(most[g.Key], int(g.To-g.From+1))
		}
	}
	n := 0
	for _, m := range most {
		n += m
	}
	return n
}

// Next is what to ask of a peer now: nil while it owes an answer, or when it has nothing that is
// missing and not asked of somebody else.
func (p *Planner) Next(of identity.Key) []Gap {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sources[of]
	if s == nil || s.asked != nil && p.now().Sub(s.since) < askTimeout {
		return nil
	}
	busy := map[FeedKey]bool{}
	for key, other := range p.sources {
		if key != of && p.now().Sub(other.since) < askTimeout {
			for _, g := range other.asked {
				busy[g.Key] = true
			}
		}
	}
	var out []Gap
	left := uint64(maxAsked)
	for _, g := range p.room.Missing(s.theirs) {
		if busy[g.Key] {
			continue
		}
		if g.To-g.From >= left {
			g.To = g.From + left - 1
		}
		left -= g.To - g.From + 1
		if out = append(out, g); left == 0 || len(out) == maxRanges {
			break
		}
	}
	s.asked, s.since = out, p.now()
	return out
}

// Floors are where the peer's copies begin above the end of the room's: for Room.Raise, once nobody
// else can fill what lies between.
func (p *Planner) Floors(of identity.Key) []Holding {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sources[of]
	if s == nil {
		return nil
	}
	lowest := map[FeedKey]uint64{}
	for _, other := range p.sources {
		for _, h := range other.theirs {
			if l, ok := lowest[h.Key]; !ok || h.Floor < l {
				lowest[h.Key] = h.Floor
			}
		}
	}
	var out []Holding
	for _, h := range s.theirs {
		if h.Floor > 0 && lowest[h.Key] == h.Floor {
			out = append(out, h)
		}
	}
	return out
}
