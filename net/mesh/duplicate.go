package mesh

import (
	"cmp"
	"time"

	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// crossedWithin is how far apart in time two crossed dials can be. A peer whose link ended as a duplicate has
// so long to bring the other link, and a second link that comes later is no crossing.
const crossedWithin = 3 * time.Second

// chooseLocked reports whether a new link takes the place of the old one to the same peer, and returns the
// reason for the other link's Bye. age is how long the old link had been up when the new connection came.
// The package comment has the rules.
func (m *Mesh) chooseLocked(l, old *link.Link, age time.Duration) (bool, string) {
	a, b := l.Hello(), old.Hello()
	if c := cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.Inst, b.Inst)); c != 0 {
		return c > 0, wire.ByeReplaced
	}
	switch {
	case old.Ending(): // if it was the better one, the peer has thought otherwise
		return true, wire.ByeDuplicate
	case l.Dialed() == old.Dialed(), !l.Dialed() && age > crossedWithin:
		return true, wire.ByeDuplicate // no side dials with a link up: for the peer the old link is gone
	}
	return l.Dialed() == (m.self.Compare(l.Key()) > 0), wire.ByeDuplicate
}
