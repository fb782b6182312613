package replica

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// writable reports whether WaitWritable returns within a second.
func (n *net) writable(m *member, heard bool) bool {
	n.t.Helper()
	ctx, cancel := context.WithTimeoutCause(n.t.Context(), time.Second, errors.New("not writable"))
	defer cancel()
	err := m.WaitWritable(ctx, func() bool { return heard })
	if err != nil && fmt.Sprint(err) != "not writable" {
		n.t.Errorf("%v", err)
	}
	return err == nil
}

// While no peer is here, WaitWritable waits for one, unless someone hears messages without a link. Then it
// waits for room in the queue of the fastest link.
func TestWaitWritable(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		if n.writable(a, false) || !n.writable(a, true) {
			t.Error("alone it is writable, or with someone to hear it isn't")
		}
		done := make(chan bool, 1)
		n.root.Go("test/wait", func(ctx context.Context) {
			a.WaitWritable(ctx, func() bool { return false })
			done <- true
		})
		pass(time.Minute)
		if len(done) != 0 {
			t.Error("it returned without a peer")
		}
		n.link(a, b)
		pass(lookAgain)
		if len(done) != 1 {
			t.Error("it didn't return when a peer came")
		}
		n.link(a, c)
		a.links[b.key()].hold(true)
		a.links[c.key()].hold(true)
		n.say(a, numbered("message", 1024-writable+1)...)
		if n.writable(a, true) {
			t.Error("writable when all queues are nearly full")
		}
		a.links[c.key()].hold(false)
		pass(0)
		if !n.writable(a, false) {
			t.Error("not writable when one queue is empty")
		}
	})
}

// When all peers are slow, there is room as long as one of them lacks few records.
func TestWritableWhenAllAreSlow(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		a.links[b.key()].hold(true)
		n.say(a, numbered("message", ahead-1)...)
		if !a.isSlow(b) || !n.writable(a, false) {
			t.Errorf("slow: %v, and not writable at %d records", a.isSlow(b), ahead)
		}
		n.say(a, numbered("more", 2)...)
		if n.writable(a, false) {
			t.Errorf("writable above %d records", ahead)
		}
		a.links[b.key()].hold(false)
		if !n.writable(a, false) {
			t.Error("not writable when the peer catches up")
		}
	})
}
