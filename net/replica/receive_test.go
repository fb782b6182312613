package replica

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// Everything that one member holds comes to one that joins, as history, in frames that the link takes.
func TestCatchUp(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		texts := n.say(a, numbered("before", 500)...)
		// A message of nothing but quotes takes four times its size in a frame.
		texts = append(texts, n.say(a, slices.Repeat([]string{strings.Repeat(`"\`, 4090)}, 20)...)...)
		b := n.add()
		n.link(a, b)
		pass(time.Second)
		n.expectHeard(b, texts...)
		n.expectLevel()
		for _, s := range received[event.Said](b) {
			if !s.Line.History || s.Line.Via != "" {
				t.Fatalf("%+v", s.Line)
			}
		}
		progress := received[event.Sync](b)
		if len(progress) == 0 || progress[len(progress)-1].Missing != 0 || progress[len(progress)-1].Have != len(texts)+1 {
			t.Errorf("progress: %+v", progress)
		}
		if got := b.Status(); got.Records != len(texts)+1 || got.Received != len(texts)+1 {
			t.Errorf("%+v", got)
		}
	})
}

// Records that aren't in memory any more come from the store.
func TestCatchUpFromStore(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a := n.add(func(c *Config) { c.Window = 1 })
		texts := n.say(a, numbered("before", 300)...)
		b := n.add()
		n.link(a, b)
		pass(time.Second)
		n.expectHeard(b, texts...)
	})
}

// A live record whose predecessors are missing waits until they were asked for and came.
func TestLiveGap(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		recs := chain(t, 5, "message", 10)
		a.give(recs...)
		back := b.links[a.key()]
		back.reset()
		b.Record(back, recs[9])
		if wants := sent[wire.Want](back); len(wants) != 1 || wants[0].Ranges[0].From != 0 || wants[0].Ranges[0].To < 8 {
			t.Errorf("asked for %+v", wants)
		}
		n.expectHeard(b)
		pass(time.Second)
		if got := b.heard(); len(got) != 9 || got[0] != "message 1" || got[8] != "message 9" {
			t.Errorf("%q", got)
		}
		n.expectLevel()
	})
}

// Records of another room are refused, and counted under a fixed reason. Others of the same frame count.
func TestRefusedRecords(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		l := a.links[b.key()]
		other, err := record.Sign(testID(60), record.Body{Room: record.OpenRoom("attic"), Feed: 3, Kind: record.KindOpen, Data: []byte(`{"name":"x"}`)})
		if err != nil {
			t.Fatal(err)
		}
		a.Record(l, other)
		a.Records(l, wire.Records{Room: a.ID(), End: true}, append([]*record.Record{other}, chain(t, 5, "good", 2)...))
		pass(time.Second)
		if got := a.host.refusals(); len(got) != 2 || got[0] != record.ErrOtherRoom.Error() || got[1] != got[0] {
			t.Errorf("refused %q", got)
		}
		n.expectHeard(a, "good 1")
	})
}

// A question for more than a peer may ask is refused. One about feeds that aren't here is answered by an
// end alone, and one of a link that was replaced not at all.
func TestQuestions(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, numbered("message", 20)...)
		pass(time.Second)
		l := a.links[b.key()]
		own, _, _ := a.room.OwnFeed()
		l.hold(true)
		ask := func(frames int, ranges ...wire.Range) []wire.Records {
			l.reset()
			a.Message(l, wire.Want{Room: a.ID(), N: 7, Frames: frames, Ranges: ranges})
			return sent[wire.Records](l)
		}
		mine := wire.Range{Author: own.Author, Feed: own.Feed.String(), From: 3, To: 5}
		if got := ask(8, slices.Repeat([]wire.Range{mine}, maxRanges+1)...); len(got) != 0 || !slices.Equal(a.host.refusals(), []string{"malformed want"}) {
			t.Errorf("%d frames, refused %q", len(got), a.host.refusals())
		}
		if got := ask(8, mine); len(got) != 1 || len(got[0].Records) != 3 || !got[0].End || got[0].N != 7 {
			t.Errorf("%+v", got)
		}
		if got := ask(8, wire.Range{Author: own.Author, Feed: "nonsense"}, wire.Range{Author: own.Author, Feed: "0000000000000001", To: 9},
			wire.Range{Author: own.Author, Feed: own.Feed.String(), From: 5, To: 4}); len(got) != 1 || len(got[0].Records) != 0 || !got[0].End {
			t.Errorf("%+v", got)
		}
		before := len(sent[wire.Records](l))
		a.Message(deadLink(b.key()), wire.Want{Room: a.ID(), Frames: 8, Ranges: []wire.Range{mine}})
		if len(sent[wire.Records](l)) != before {
			t.Error("a link that was replaced got an answer")
		}
	})
}

// An answer has no more frames than were asked for, and no more than the queue takes; the last one ends it.
func TestAnswersAreBounded(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, slices.Repeat([]string{strings.Repeat("x", 8000)}, 100)...)
		pass(time.Second)
		l := a.links[b.key()]
		own, _, _ := a.room.OwnFeed()
		l.hold(true)
		for _, c := range []struct{ frames, space, want int }{{3, 8, 3}, {100, 8, 8}, {8, 4, 4}} {
			l.mu.Lock()
			l.mu.waiting[bulk], l.mu.limits[bulk] = nil, c.space
			l.mu.Unlock()
			l.reset()
			a.Message(l, wire.Want{Room: a.ID(), Frames: c.frames, Ranges: []wire.Range{{Author: own.Author, Feed: own.Feed.String(), To: 100}}})
			got := sent[wire.Records](l)
			if len(got) != c.want {
				t.Errorf("%d frames for %d, with space for %d", len(got), c.frames, c.space)
			}
			for i, f := range got {
				if f.End != (i == len(got)-1) || len(f.Records) == 0 || len(f.Records) > 6 {
					t.Errorf("frame %d of %d has %d records, end %v", i, len(got), len(f.Records), f.End)
				}
			}
		}
	})
}

// A question that a peer didn't answer is asked of another peer that has the records: once the first is gone, or
// within 5 s after it was asked.
func TestAskAnotherPeer(t *testing.T) {
	for _, gone := range []bool{true, false} {
		inBubble(t, 3, func(t *testing.T, n *net) {
			a, b, c := n.members[0], n.members[1], n.members[2]
			recs := chain(t, 5, "message", 10)
			n.link(a, c)
			pass(time.Second)
			c.links[a.key()].hold(true) // a never hears the question
			a.give(recs...)
			b.give(recs...)
			a.ping(c)
			a.ping(c)
			pass(time.Second)
			if got := len(sent[wire.Want](c.links[a.key()])); got != 1 {
				t.Errorf("a was asked %d times", got)
			}
			n.link(b, c)
			pass(2 * time.Second)
			n.expectHeard(c)
			if gone {
				n.unlink(a, c)
				pass(time.Second)
			} else {
				pass(2 * time.Second)
			}
			if got := len(c.heard()); got != 9 {
				t.Errorf("gone %v: %d messages", gone, got)
			}
		})
	}
}
