package link

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// frameHead is how much longer a frame is than its payload.
const frameHead = 4

// pacedBy makes a Pacer for everyone, or no one.
func pacedBy(on bool) *Pacer { return NewPacer(func(identity.Key) bool { return on }) }

// work has a reader do pieces of so many bytes, each of which takes a while, and returns how long it rested.
func work(ctx context.Context, p *pace, pieces, bytes int, each time.Duration) time.Duration {
	began := time.Now()
	for range pieces {
		time.Sleep(each)
		p.work += bytes
		p.end(ctx)
	}
	return time.Since(began) - time.Duration(pieces)*each
}

func TestReaderRestsDuringAFlood(t *testing.T) {
	const piece = 16 << 10
	for name, c := range map[string]struct {
		pacer       *Pacer
		pieces      int
		each        time.Duration
		least, most time.Duration
	}{
		"a burst is free":      {pacedBy(true), freeWork / piece, 0, 0, 0},
		"as fast as mostWork":  {pacedBy(true), (freeWork + mostWork) / piece, 0, 9 * time.Second / 10, time.Second},
		"as long as the work":  {pacedBy(true), freeWork/piece + 100, 5 * time.Millisecond, 460 * time.Millisecond, 500 * time.Millisecond},
		"never long":           {pacedBy(true), freeWork/piece + 100, 50 * time.Millisecond, 400 * time.Millisecond, 100 * longestRest},
		"the peer is slow":     {pacedBy(true), freeWork/piece + 100, slowPiece, 0, 0},
		"the peer isn't paced": {pacedBy(false), 2 * freeWork / piece, 0, 0, 0},
		"there is no Pacer":    {nil, 2 * freeWork / piece, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(c.pacer, identity.Key{})
				if rested := work(t.Context(), &p, c.pieces, piece, c.each); rested < c.least || rested > c.most {
					t.Errorf("it rested %v, want %v to %v", rested, c.least, c.most)
				}
			})
		})
	}
}

// Floods over many links leave as much time as one does, and each link gets the same.
func TestReadersRestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, piece = 16, 16 << 10
		pacer := pacedBy(true)
		pacer.free.AllowN(time.Now(), freeWork)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var each [readers]int
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				p := newPace(pacer, identity.Key{})
				for ; ctx.Err() == nil; each[i] += piece {
					work(ctx, &p, 1, piece, 0)
				}
			})
		}
		all.Wait()
		total := 0
		for i, n := range each {
			total += n
			if share := mostWork / readers; n < share*8/10 || n > share*12/10 {
				t.Errorf("reader %d got %d bytes of %d", i, n, share)
			}
		}
		if total > mostWork+freeRefill+readers*piece {
			t.Errorf("%d bytes in a second, want at most %d", total, mostWork)
		}
	})
}

func TestRestEndsWithTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := pacedBy(true)
		ctx, cancel := context.WithCancel(t.Context())
		pacer.turn <- struct{}{} // another reader rests
		began := time.Now()
		time.AfterFunc(time.Second, cancel)
		pacer.rest(ctx, time.Hour)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it waited %v for its turn", took)
		}
		<-pacer.turn
		pacer.rest(ctx, time.Hour)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it rested until %v", took)
		}
	})
}

// Records that were asked for are no flood. Those that come without a question are.
func TestWorkOfFrames(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	a.Pacer = pacedBy(true)
	a.Pacer.free.SetLimit(0) // so that nothing comes back
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	h := newRecorder(t)
	heard := make(chan struct{})
	h.onMessage = func(wire.Message) { heard <- struct{}{} }
	la.Start(h, nil)
	lb.Start(newRecorder(t), nil)
	of := newAuthor(t, b.id)
	text := strings.Repeat("flood ", record.MaxText/6)
	one, other := onWire(of.say(t, text)), onWire(of.say(t, text))
	answer := encode(t, wire.Records{Room: room.String(), Records: []wire.Record{one, other}})
	end := encode(t, wire.Typing{Room: room.String()})
	for _, c := range []struct {
		what     string
		frames   []wire.Frame
		expected int
		want     int
	}{
		{"two records", []wire.Frame{encode(t, one), encode(t, other)}, 0, len(encode(t, one)) + len(encode(t, other)) - 2*frameHead + 2*recordWork},
		{"records without a question", []wire.Frame{answer}, 0, len(answer) - frameHead + 2*recordWork},
		{"an answer", []wire.Frame{answer}, 1, 0},
		{"the end of an answer, and more", []wire.Frame{answer, answer}, 1, len(answer) - frameHead + 2*recordWork},
	} {
		before := a.Pacer.free.Tokens()
		la.Expect(c.expected)
		for _, f := range append(c.frames, end) {
			if !lb.Sync(f) {
				t.Fatal("the queue is full")
			}
		}
		<-heard
		if spent := int(before - a.Pacer.free.Tokens()); spent < c.want || spent > c.want+512 { // there are pings too
			t.Errorf("%s: %d bytes of work, want %d", c.what, spent, c.want)
		}
	}
}

func TestExpectationIsBounded(t *testing.T) {
	var e expectation
	if e.take() {
		t.Error("a frame is expected without a question")
	}
	for range 100 {
		e.add(4) // questions without an answer
	}
	taken := 0
	for e.take() {
		taken++
	}
	if taken != maxExpected {
		t.Errorf("%d frames are expected, want %d", taken, maxExpected)
	}
	e.add(1)
	if !e.take() || e.take() {
		t.Error("not one frame is expected after one question for it")
	}
}
