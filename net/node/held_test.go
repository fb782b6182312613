package node

import (
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
)

// While the room's policy isn't known, what others say fills only its own part of what waits: our messages still go out.
func TestHeldMessagesLeaveSpaceForOurs(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		reader := w.nc(10, p)
		defer reader.close()
		pass(time.Minute) // the room is alone: its policy counts as known
		before := len(reader.got())
		c := p.Node.cleartext
		c.awaited.Store(true)
		c.mu.Lock()
		c.mu.known = false
		c.mu.Unlock()
		for i := range maxHeld + 50 {
			c.RelayMessage(event.Line{FromName: "eve", Text: fmt.Sprint("flood ", i), Time: time.Now()})
		}
		for i := range maxHeld {
			c.SendCleartext(event.Line{Own: true, Text: fmt.Sprint("ours ", i), Time: time.Now()})
		}
		c.SendCleartext(event.Line{Own: true, Text: "too many", Time: time.Now()})
		pass(time.Second)
		if got := reader.got(); len(got) > before {
			t.Errorf("%q went out before the policy was known", got[before:])
		}
		c.PolicyKnown()
		pass(time.Second)
		got := reader.got()[before:]
		if len(got) != 2*maxHeld {
			t.Fatalf("%d lines went out, want %d of others and %d of ours", len(got), maxHeld, maxHeld)
		}
		if others, ours := got[maxHeld-1], got[2*maxHeld-1]; others != fmt.Sprintf("eve: flood %d", maxHeld-1) || ours != fmt.Sprintf("p0: ours %d", maxHeld-1) {
			t.Errorf("the last of others is %q, the last of ours %q", others, ours)
		}
	})
}

// A peer that we know by no name yet is refused by its short key, and never as "".
func TestRefusedWithoutAName(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		nameless, unmet := identity.FromSeed([32]byte{1}).Key(), identity.FromSeed([32]byte{2}).Key()
		n := p.Node
		n.mu.Lock()
		n.mu.peers[nameless] = &peer{Peer: event.Peer{Key: nameless}}
		n.mu.Unlock()
		for _, key := range []identity.Key{nameless, unmet} {
			n.refuse(event.Scope{}, key, "malformed frame")
			pass(time.Second)
			refused := told[event.Refused](&p.ear)
			if last := refused[len(refused)-1]; last.From != key.Short() || last.Reason != "malformed frame" {
				t.Errorf("told %+v, want it from %s", last, key.Short())
			}
		}
	})
}
