package replica

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// votesHost is the replica as its votes see it, with its lock held. It implements votes.Host.
type votesHost struct {
	Host
	r *Replica
}

func (v votesHost) Forward(rec *record.Record, from identity.Key, history bool) {
	v.r.heads.schedule()
	if history {
		v.r.mu.newAuthors[rec.Author()] = true
	} else {
		v.r.forwardLocked(rec, from)
	}
}

func (v votesHost) Send(to identity.Key, m wire.Message) {
	if p := v.r.mu.peers[to]; p != nil && p.link != nil {
		v.r.send(p.link, m)
	}
}

// ListVoters implements votes.Host: the local peer, the native peers that are linked, and the keys that
// they say they are linked to. If these are too many for one roll, those go first that more peers name,
// so that no one can keep a room from voting by naming a crowd.
func (v votesHost) ListVoters() []identity.Key {
	self := v.r.cfg.Identity.Key()
	out := []identity.Key{self}
	named := map[identity.Key]int{}
	for _, p := range v.r.mu.linked {
		out = append(out, p.key)
		for _, k := range p.neighbours {
			if q := v.r.mu.peers[k]; k != self && (q == nil || q.link == nil) {
				named[k]++
			}
		}
	}
	more := slices.SortedFunc(maps.Keys(named), func(x, y identity.Key) int {
		return cmp.Or(cmp.Compare(named[y], named[x]), x.Compare(y))
	})
	return append(out, more[:min(len(more), vote.MaxRoll-len(out))]...)
}

func (v votesHost) ListLongLinked() []identity.Key {
	var out []identity.Key
	for _, p := range v.r.mu.linked {
		if time.Since(p.since) >= vote.DisputeAfter {
			out = append(out, p.key)
		}
	}
	return out
}

func (v votesHost) NameOf(key identity.Key) (name string, here bool) {
	return v.r.nameOfLocked(key)
}
