package node

import (
	"context"
	"net/netip"
	"sync"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
)

// maxCopies bounds the addresses at which copies of our profile are looked for at a time, or were found.
const maxCopies = 8

// copies finds other programs that have our key, which is that of a copied profile. Neither a beacon nor a peer's Bye
// proves that there is one: beacons can be sent again by anyone, and a peer may lie. A program that has our key can
// prove it.
type copies struct {
	n *Node

	mu     sync.Mutex
	asked  map[netip.Addr]bool // where a copy is looked for, or was found; guarded by mu
	proven bool                // guarded by mu
	ended  string              // guarded by mu; the first peer that said that our profile runs elsewhere, or ""
}

// onBeacon looks for a copy where a beacon with our key came from, at a few addresses at a time.
func (c *copies) onBeacon(s discovery.Announcement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := s.Source.Addr()
	if !s.New || c.asked[at] || len(c.asked) >= maxCopies {
		return
	}
	if c.asked == nil {
		c.asked = map[netip.Addr]bool{}
	}
	c.asked[at] = true
	c.n.group.Go("node/copies", func(context.Context) {
		for _, r := range c.n.tcp.Routes(s.Addrs...) {
			if err := c.n.mesh.ProbeOwnKey(r); err == nil {
				c.onProven(at)
				return
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.asked, at) // an address costs nothing: it must not take the place of another for ever
	})
}

// onProven reports a copy that has proven that it has our key.
func (c *copies) onProven(at netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.notice(event.Warning, "another program with your key is at "+at.String(), "a copied profile? give one of the two its own with --profile")
	if !c.proven && c.ended != "" {
		c.reportReplacedLocked()
	}
	c.proven = true
}

// onReplaced follows a peer that ends its link since, it says, a later run of our profile is linked to it.
func (c *copies) onReplaced(l *link.Link, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != "" {
		return // every peer says so
	}
	c.ended = name
	if c.proven {
		c.reportReplacedLocked()
	} else {
		hint := ""
		if port := l.Hello().Port; port != 0 {
			hint = "/connect " + netip.AddrPortFrom(l.RemoteAddr().Addr(), uint16(port)).String() + " if it wasn't"
		}
		c.n.notice(event.Info, name+" hung up: it says that this profile was started elsewhere", hint)
	}
}

func (c *copies) reportReplacedLocked() {
	c.n.notice(event.Error, "this profile was started elsewhere, and that one goes on", "end one of the two, or give it a profile of its own with --profile")
}
