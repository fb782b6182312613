package replica

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// aroundVotes is the replica as its votes see it. It implements votes.Room.
type aroundVotes struct{ r *Replica }

// Forward implements votes.Room.
func (a aroundVotes) Forward(rec *record.Record, from identity.Key) {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	a.r.forwardLocked(rec, from)
}

// Send implements votes.Room.
func (a aroundVotes) Send(to identity.Key, m wire.Message) {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	if p := a.r.mu.peers[to]; p != nil && p.link != nil {
		a.r.send(p.link, m)
	}
}

// Refuse implements votes.Room.
func (a aroundVotes) Refuse(from identity.Key, reason string) { a.r.cfg.Host.Refuse(from, reason) }

// NoteNewAuthor implements votes.Room.
func (a aroundVotes) NoteNewAuthor(author identity.Key) {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	a.r.mu.newAuthors[author] = true
}

// CaughtUp implements votes.Room.
func (a aroundVotes) CaughtUp(with identity.Key) {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	if p := a.r.mu.peers[with]; p != nil && p.link != nil {
		a.r.onCaughtUpLocked(p)
	}
}

// ListVoters implements votes.Room: the local peer, the native peers that are linked, and the keys that
// they say they are linked to. If these are too many for one roll, those go first that more peers name,
// so that no one can keep a room from voting by naming a crowd.
func (a aroundVotes) ListVoters() []identity.Key {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	self := a.r.cfg.Identity.Key()
	out := []identity.Key{self}
	named := map[identity.Key]int{}
	for _, p := range a.r.mu.linked {
		out = append(out, p.key)
		for k := range p.neighbours {
			if q := a.r.mu.peers[k]; k != self && (q == nil || q.link == nil) {
				named[k]++
			}
		}
	}
	more := slices.SortedFunc(maps.Keys(named), func(x, y identity.Key) int {
		return cmp.Or(cmp.Compare(named[y], named[x]), x.Compare(y))
	})
	return append(out, more[:min(len(more), vote.MaxRoll-len(out))]...)
}

// ListLongLinked implements votes.Room.
func (a aroundVotes) ListLongLinked() []identity.Key {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	var out []identity.Key
	for _, p := range a.r.mu.linked {
		if time.Since(p.since) >= vote.DisputeAfter {
			out = append(out, p.key)
		}
	}
	return out
}

// NameOf implements votes.Room.
func (a aroundVotes) NameOf(key identity.Key) (name string, here bool) {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	return a.r.nameOfLocked(key)
}

// Peer implements votes.Room.
func (a aroundVotes) Peer(key identity.Key) event.Peer {
	p, _ := a.r.cfg.Host.Peer(key)
	return p
}

// CountPlainPeers implements votes.Room.
func (a aroundVotes) CountPlainPeers() int { return a.r.cfg.Host.CountPlainPeers() }

// PolicyKnown implements votes.Room.
func (a aroundVotes) PolicyKnown() { a.r.cfg.Host.PolicyKnown() }

// PolicyChanged implements votes.Room.
func (a aroundVotes) PolicyChanged(p event.Policy) { a.r.cfg.Host.PolicyChanged(p) }
