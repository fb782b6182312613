package lines

import (
	"sync"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

// people is who is here, how they are called, and whose lines are hidden. It is safe for concurrent
// use: Post and commands come from different goroutines.
type people struct {
	mu      sync.Mutex
	book    roster.Roster          // guarded by mu
	state   map[string]event.State // guarded by mu; by uuid, of those who are here
	ignored map[string]bool        // guarded by mu; by uuid
	own     string                 // guarded by mu; one's own uuid
}

func newPeople() *people {
	return &people{state: make(map[string]event.State), ignored: make(map[string]bool)}
}

// hides reports whether the event is a line of somebody who is ignored.
func (p *people) hides(ev event.Event) bool {
	said, ok := ev.(event.Said)
	if !ok {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ignored[said.Line.FromID]
}

// note learns from an event before it is shown. For a PeerChanged it returns the peer's state before,
// "" when the peer wasn't here.
func (p *people) note(ev event.Event) (before event.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case event.Ready:
		p.own = ev.Self.ID
		p.book.Set(roster.ID(ev.Self.Key, ev.Self.ID), ev.Self.Name)
	case event.SelfChanged:
		p.book.Set(roster.ID(ev.Self.Key, ev.Self.ID), ev.Self.Name)
	case event.PeerChanged:
		id := roster.ID(ev.Peer.Key, ev.Peer.ID)
		p.book.Set(id, ev.Peer.Name)
		before = p.state[ev.Peer.ID]
		if here(ev.Peer.State) {
			p.state[ev.Peer.ID] = ev.Peer.State
		} else {
			delete(p.state, ev.Peer.ID)
			p.book.Remove(id)
		}
		if ev.Peer.Ignored {
			p.ignored[ev.Peer.ID] = true
		} else {
			delete(p.ignored, ev.Peer.ID)
		}
	case event.Said:
		// Lines of those who aren't here any more come with the room's history.
		if p.state[ev.Line.FromID] == "" && !ev.Line.Own {
			id := roster.ID(ev.Line.From, ev.Line.FromID)
			p.book.Set(id, ev.Line.FromName)
			p.book.Remove(id)
		}
	case event.ProposalChanged:
		p.learn(ev.Proposal.By)
		p.learn(ev.Proposal.LeftOut...)
	case event.BallotCast:
		p.learn(ev.By)
	case event.PolicyChanged:
		p.learn(ev.Policy.Signed...)
	}
	return before
}

// learn notes what voters who aren't here are called. Called with mu held.
func (p *people) learn(voters ...event.Voter) {
	for _, w := range voters {
		if p.state[w.ID] == "" && w.ID != p.own && w.Name != "" {
			id := roster.ID(w.Key, w.ID)
			p.book.Set(id, w.Name)
			p.book.Remove(id)
		}
	}
}

func here(s event.State) bool { return s == event.Up || s == event.Late }

// alone reports whether nobody is here but the peer with this uuid.
func (p *people) alone(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.state) == 0 || len(p.state) == 1 && p.state[id] != ""
}

// Label is how a peer is shown.
func (p *people) Label(id string) sanitize.SafeText {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.book.Label(id)
}

// Find returns the book ids that text may mean.
func (p *people) Find(text string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.book.Find(text)
}

// Complete returns the labels that begin with prefix.
func (p *people) Complete(prefix string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.book.Complete(prefix)
}
