package room

import (
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// claimAgain is how long a peer that had a block for itself doesn't get it for itself again.
const claimAgain = time.Minute

// blockClaim says that a peer has, or had, a block for itself.
type blockClaim struct {
	by       identity.Key
	since    time.Time
	released bool
}

// claim reports whether a peer may be asked for a block: no other has it for itself.
func (p *Puller) claim(by identity.Key, key BlockKey) bool {
	now := p.now()
	claims := slices.DeleteFunc(p.claims[key], func(c blockClaim) bool { return now.Sub(c.since) >= claimAgain })
	own := false
	for i := range claims {
		if claims[i].by == by {
			own = true
		} else if !claims[i].released && now.Sub(claims[i].since) < answerTime {
			p.claims[key] = claims
			return false
		}
	}
	if !own {
		claims = append(claims, blockClaim{by: by, since: now})
	}
	p.claims[key] = claims
	if len(p.claims) > 2*maxQueuedBlocks {
		for k, cs := range p.claims {
			if !slices.ContainsFunc(cs, func(c blockClaim) bool { return now.Sub(c.since) < claimAgain }) {
				delete(p.claims, k)
			}
		}
	}
	return true
}

// release lets other peers have the blocks that a peer was asked for.
func (p *Puller) release(by identity.Key, s *pull) {
	for _, b := range s.current {
		claims := p.claims[b.key]
		for i := range claims {
			if claims[i].by == by {
				claims[i].released = true
			}
		}
	}
	s.current = nil
}
