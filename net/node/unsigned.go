package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/wire"
)

// Messages without a signature among native peers: those of /unsigned, and those of a neighbour's line
// clients. They travel as Chat frames.

const (
	maxSenders   = 1024    // senders whose refused messages are counted apart
	maxGuestName = 64      // bytes of the name of a neighbour's line client
	maxUnsigned  = 8 << 10 // bytes of an unsigned text: a Chat frame holds it however it is escaped
	controlSpare = 128     // frames of a control queue that are left for what is not chat
	stuckAfter   = 2 * time.Second
)

// Unsigned sends a message that anyone could have written. Cleartext peers under a verified person's name get it too,
// and no other message. Under secure-only it is refused.
func (r *Room) Unsigned(text string) error {
	c := r.cleartext
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mayLocked(); err != nil {
		return err
	}
	if len(text) > maxUnsigned {
		return fmt.Errorf("%d bytes are too many for one unsigned message: the limit is %d", len(text), maxUnsigned)
	}
	self := c.n.Self()
	c.mu.unsignedAt = time.Now()
	line := c.line(event.Line{From: self.Key, FromID: self.ID, FromName: self.Name, Text: replica.ShowControls(text), Own: true, Time: time.Now()})
	c.n.events.Post(event.Sent{Scope: c.scope(), Line: line, Peers: c.sendToLinks(line, nil) + c.plain.SendUnsigned(line.Text)})
	return nil
}

// line completes an unsigned message: it gets a local id and the time of its arrival.
func (c *cleartext) line(l event.Line) event.Line {
	l.ID = fmt.Sprintf("unsigned-%s-%d", c.n.inst, c.numbered.Add(1))
	l.Arrived, l.Signature, l.Kind = time.Now(), event.Unsigned, event.KindNative
	return l
}

// scope returns the home room, which cleartext belongs to.
func (c *cleartext) scope() event.Scope { return event.Scope{Room: event.RoomID(c.n.Replica.ID())} }

// sendToLinks sends native peers a Chat and returns how many. via is our key for a message of our line client.
func (c *cleartext) sendToLinks(l event.Line, via *identity.Key) (sent int) {
	f, err := wire.Encode(wire.Chat{FromID: l.FromID, FromName: l.FromName, Content: l.Text, Timestamp: uint64(l.Time.Unix()), Via: via})
	if err != nil {
		c.n.cfg.Log.Error("encode", "error", err)
		return 0
	}
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for _, p := range c.n.mu.linked {
		if p.link.Control(f) {
			sent++
		}
	}
	return sent
}

// saysUnsigned reports whether the person said something unsigned just now.
func (c *cleartext) saysUnsigned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.mu.unsignedAt.IsZero() && time.Since(c.mu.unsignedAt) < stuckAfter
}

// waitForLinks waits until the links have room for cleartext messages, which no peer can ask for
// again, for stuckAfter at most. It doesn't wait for a peer that took nothing for so long, until that takes something.
func (c *cleartext) waitForLinks() {
	n := c.n
	ctx, cancel := context.WithTimeout(n.group.Context(), stuckAfter)
	defer cancel()
	for _, l := range n.mesh.Links() {
		room := l.ControlSpace() >= controlSpare
		n.mu.Lock()
		p := n.peerOfLocked(l)
		stuck := p == nil || p.stuck
		if room && p != nil {
			p.stuck = false
		}
		n.mu.Unlock()
		if room || stuck {
			continue
		}
		if errors.Is(l.WaitControl(ctx), context.DeadlineExceeded) {
			n.mu.Lock()
			p.stuck = true
			n.mu.Unlock()
		}
	}
}

// takeChat takes a Chat from a native peer: its own /unsigned, or a message of its line client.
func (c *cleartext) takeChat(l *link.Link, m wire.Chat) {
	c.n.mu.Lock()
	p := c.n.peerOfLocked(l)
	if p == nil {
		c.n.mu.Unlock()
		return
	}
	from := p.Peer
	c.n.mu.Unlock()
	if c.refuseUnderSecureOnly(from.Name) {
		return
	}
	line := c.line(event.Line{From: from.Key, FromID: from.ID, FromName: from.Name, Text: m.Content, Time: time.Unix(int64(m.Timestamp), 0)})
	if m.Via != nil {
		name := m.FromName[:min(len(m.FromName), maxGuestName)]
		c.n.impostors.checkGuest(name, from)
		line.From, line.FromID, line.FromName, line.Kind, line.Via = identity.Key{}, c.safeSenderID(m.FromID), name, event.KindLine, from.ID
	}
	c.n.events.Post(event.Said{Scope: c.scope(), Line: line})
	c.RelayMessage(line)
}

// refuseUnderSecureOnly reports whether secure-only refuses a cleartext message, and counts it then.
func (c *cleartext) refuseUnderSecureOnly(from string) bool {
	label, on := c.n.SecureOnly()
	if on {
		c.countDropped(from, label)
	}
	return on
}

// countDropped counts a cleartext message that secure-only refused.
func (c *cleartext) countDropped(from, label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.countRefused("unsigned line under secure-only")
	c.postRefusedLocked(c.mu.dropped, from, from, "unsigned · policy "+label)
}

// postRefusedLocked counts a refused message in counts, under a key of its sender, and posts it.
func (c *cleartext) postRefusedLocked(counts map[string]int, key, from, reason string) {
	if len(counts) >= maxSenders {
		clear(counts)
	}
	counts[key]++
	c.n.events.Post(event.Refused{Scope: c.scope(), From: from, Reason: reason, Count: counts[key]})
}
