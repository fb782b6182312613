package replica

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// names returns the names of peers.
func names(peers []event.Peer) string {
	out := ""
	for _, p := range peers {
		out += p.Name + " "
	}
	return out
}

// Each peer acknowledges a message, and the sender learns how many have it and which.
func TestDelivered(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, n *net) {
		a, b, c, d := n.members[0], n.members[1], n.members[2], n.members[3]
		if _, any := a.WhoHas(); any {
			t.Error("someone has a message before any was sent")
		}
		n.link(a, b)
		n.link(a, c)
		n.say(a, "both")
		pass(time.Second)
		if got := a.delivered(); got != "2/2" {
			t.Errorf("delivered to %s", got)
		}
		// A peer that left before counts no more among those that should have a message.
		n.unlink(a, b)
		n.say(a, "one")
		pass(time.Second)
		if got := a.delivered(); got != "1/1" {
			t.Errorf("delivered to %s", got)
		}
		// A peer that went away without a message lacks it until it comes back.
		a.links[c.key()].hold(true)
		n.say(a, "none")
		n.unlink(a, c)
		reach, _ := a.WhoHas()
		if reach.Line.Text != "none" || names(reach.Has) != "" || names(reach.Lacks) != "p2 " {
			t.Errorf("%q: %s have it, %s lack it", reach.Line.Text, names(reach.Has), names(reach.Lacks))
		}
		n.link(a, d)
		n.link(a, c)
		n.link(a, b)
		pass(time.Second)
		reach, _ = a.WhoHas()
		if names(reach.Has) != "p1 p2 p3 " || names(reach.Lacks) != "" || a.delivered() != "3/3" {
			t.Errorf("%s have it, %s lack it; delivered to %s", names(reach.Has), names(reach.Lacks), a.delivered())
		}
	})
}

// Acknowledgements are gathered for a moment: a hundred messages need a few frames.
func TestAcksAreGathered(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		n.say(a, numbered("message", 100)...)
		pass(AckEvery - time.Millisecond)
		back := b.links[a.key()]
		if got := sent[wire.Have](back); len(got) != 0 {
			t.Errorf("%d frames within %v", len(got), AckEvery)
		}
		pass(time.Second)
		got := sent[wire.Have](back)
		if len(got) != 1 || len(got[0].Heads) != 1 || got[0].Heads[0].Seq != 100 {
			t.Errorf("%+v", got)
		}
	})
}

// A Have names at most 256 feeds. The others follow in the next.
func TestAcksOfManyFeeds(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		for i := range maxHeads + 10 {
			rec := chain(t, record.Feed(i+1), "", 1)[0]
			b.Record(b.links[a.key()], rec)
		}
		pass(time.Second)
		got := sent[wire.Have](b.links[a.key()])
		if len(got) != 2 || len(got[0].Heads) != maxHeads || len(got[1].Heads) != 10 {
			t.Errorf("%d frames", len(got))
		}
	})
}

// An acknowledgement of records that were never sent counts for nothing, and neither does that of another
// feed.
func TestFalseAcks(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		l := a.links[b.key()]
		a.Message(l, wire.Have{Room: a.ID(), Heads: []wire.Head{{Author: a.key(), Feed: "0000000000000001", Seq: 0}}})
		l.hold(true)
		n.say(a, "hello")
		own, seq, _ := a.room.OwnFeed()
		a.Message(l, wire.Have{Room: a.ID(), Heads: []wire.Head{
			{Author: a.key(), Feed: own.Feed.String(), Seq: seq + 1}, {Author: b.key(), Feed: own.Feed.String(), Seq: seq}}})
		pass(time.Second)
		if got := a.delivered(); got != "" {
			t.Errorf("delivered to %s", got)
		}
		// The open record alone doesn't deliver the message behind it.
		a.Message(l, wire.Have{Room: a.ID(), Heads: []wire.Head{{Author: own.Author, Feed: own.Feed.String(), Seq: seq - 1}}})
		pass(time.Second)
		if reach, _ := a.WhoHas(); len(reach.Has) != 0 {
			t.Errorf("%s have it", names(reach.Has))
		}
		l.hold(false)
		pass(time.Second)
		if got := a.delivered(); got != "1/1" {
			t.Errorf("delivered to %s", got)
		}
	})
}

// WaitDelivered returns once each linked peer has everything. A peer that goes away is not waited for.
func TestWaitDelivered(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(a, c)
		if err := a.WaitDelivered(t.Context()); err != nil {
			t.Errorf("before anything is sent: %v", err)
		}
		a.links[b.key()].hold(true)
		a.links[c.key()].hold(true)
		n.say(a, "hello")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("too long"))
		defer cancel()
		if err := a.WaitDelivered(ctx); fmt.Sprint(err) != "too long" {
			t.Errorf("while no peer has it: %v", err)
		}
		done := make(chan error, 1)
		n.root.Go("test/wait", func(ctx context.Context) { done <- a.WaitDelivered(ctx) })
		a.links[b.key()].hold(false)
		pass(time.Second)
		if len(done) != 0 {
			t.Error("it returned while a peer lacks the message")
		}
		n.unlink(a, c)
		pass(0)
		if len(done) != 1 || <-done != nil {
			t.Error("it didn't return when the last peer that lacks the message went away")
		}
	})
}

// A hash that equals ours acknowledges everything, as after a Have that was lost.
func TestHashAcknowledges(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		b.links[a.key()].hold(true)
		n.say(a, "hello")
		pass(time.Second)
		if got := a.delivered(); got != "" {
			t.Errorf("delivered to %s", got)
		}
		a.TakeHash(a.links[b.key()], "")
		a.TakeHash(a.links[b.key()], b.HashFor(b.links[a.key()]))
		pass(0)
		if got := a.delivered(); got != "1/1" {
			t.Errorf("delivered to %s", got)
		}
	})
}
