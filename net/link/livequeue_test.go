package link

import (
	"fmt"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/wire"
)

func flow(group string, n byte) fair.Flow {
	return fair.Flow{Group: fair.Group{Kind: group}, Key: identity.FromSeed([32]byte{n, 1}).Key()}
}

// bytesBefore takes frames until one begins as awaited, and returns how many bytes came before it.
func bytesBefore(q *queue, begin string) (n int, found bool) {
	buf := make([]byte, 0, len(begin)) // one frame at a time
	for {
		out, _, _ := q.take(buf)
		switch {
		case len(out) == 0:
			return n, false
		case string(out[:min(len(out), len(begin))]) == begin:
			return n, true
		}
		n += len(out)
	}
}

// A flood that is handed on fills its part of the queue. Our own messages and those of others are still taken, and are
// the next to be written.
func TestHandedOnFloodFillsItsPartOnly(t *testing.T) {
	q := newQueue()
	frame := make(wire.Frame, 11<<10)
	flood := flow("attacker", 1)
	n := 0
	for q.pushLive(frame, flood, 0) {
		n++
	}
	if got := n * len(frame); got > limits[live].bytes || got < limits[live].bytes*9/10 {
		t.Errorf("one flow took %d bytes, want almost %d", got, limits[live].bytes)
	}
	q.take(make([]byte, 0, piece)) // the writer has begun with it
	for _, other := range []fair.Flow{{}, flow("honest", 2), flow("attacker", 3)} {
		if !q.pushLive(wire.Frame("honest"), other, 0) {
			t.Errorf("%v has no place beside the flood", other.Group)
		}
	}
	if q.pushLive(frame, flood, 0) {
		t.Error("the flood was taken before its part was written")
	}
	for range 3 {
		if n, found := bytesBefore(q, "honest"); !found || n > 2*len(frame) {
			t.Errorf("written after %d bytes of the flood", n)
		}
	}
}

// Many keys of one source leave room for others, whatever they send. The queue stays within its bounds.
func TestManyKeysOfOneSourceShareAPart(t *testing.T) {
	for _, size := range []int{100, 11 << 10} {
		q := newQueue()
		for range 50 {
			for i := range 200 {
				q.pushLive(make(wire.Frame, size), flow("attacker", byte(i)), 0)
			}
		}
		if b, n := q.live.waiting.Bytes(), q.live.waiting.Len(); b > liveBytes || n > liveFrames || b < liveBytes/2 && n < liveFrames/2 {
			t.Errorf("%d bytes in %d frames", b, n)
		}
		for i := range 5 {
			if !q.pushLive(make(wire.Frame, 11<<10), flow(fmt.Sprint("honest", i), byte(200+i)), 0) {
				t.Errorf("frames of %d: honest source %d has no place", size, i)
			}
		}
		if !q.push(live, make(wire.Frame, 11<<10)) || q.countSpace(live) == 0 {
			t.Errorf("frames of %d: our own have no place", size)
		}
	}
}

// A flow that was full is open again once all that waits of it is written, though others still wait.
func TestFlowReopens(t *testing.T) {
	q := newQueue()
	flood := flow("attacker", 1)
	for q.pushLive(make(wire.Frame, 40<<10), flood, 0) {
	}
	for i := range 100 {
		q.push(live, wire.Frame(fmt.Sprint("own ", i)))
	}
	buf := make([]byte, 0, 4)
	for {
		waits, _ := q.live.waiting.Of(flood)
		out, drained, _ := q.take(buf)
		if len(out) == 0 {
			t.Fatal("never drained")
		}
		q.push(live, wire.Frame("another")) // ours never end
		if left, _ := q.live.waiting.Of(flood); drained != (left.Len == 0) {
			t.Fatalf("drained %v with %d of %d left", drained, left.Len, waits.Len)
		}
		if drained {
			break
		}
	}
	if q.pushLive(wire.Frame("x"), flood, 0) {
		t.Error("taken before reopen")
	}
	if !q.reopen() || !q.pushLive(wire.Frame("x"), flood, 0) {
		t.Error("not open after reopen")
	}
}
