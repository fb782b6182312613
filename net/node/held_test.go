package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
)

// While the room's policy isn't known, neither what others say nor what we say fills the space for the other.
func TestHeldMessagesLeaveSpace(t *testing.T) {
	for _, oursFirst := range []bool{false, true} {
		testHeld(t, oursFirst)
	}
}

func testHeld(t *testing.T, oursFirst bool) {
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
		others := func() {
			for i := range maxHeld + 50 {
				c.RelayMessage(event.Line{FromName: "eve", Text: fmt.Sprint("flood ", i), Time: time.Now()})
			}
		}
		if !oursFirst {
			others()
		}
		for i := range maxHeld + 50 {
			c.SendCleartext(event.Line{Own: true, Text: fmt.Sprint("ours ", i), Time: time.Now()})
		}
		if oursFirst {
			others()
		}
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
		last := []string{fmt.Sprintf("eve: flood %d", maxHeld-1), fmt.Sprintf("p0: ours %d", maxHeld-1)}
		if oursFirst {
			slices.Reverse(last)
		}
		if got[maxHeld-1] != last[0] || got[2*maxHeld-1] != last[1] {
			t.Errorf("the last are %q and %q, want %q", got[maxHeld-1], got[2*maxHeld-1], last)
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
