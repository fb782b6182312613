package link

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// pacedBy makes a Pacer for everyone, or no one.
func pacedBy(on bool) *Pacer { return NewPacer(func(identity.Key) bool { return on }) }

// reader is a reader that does pieces of work.
type reader struct {
	pace
	ctx  context.Context
	link chan struct{} // closed when its link is cut
	slow time.Duration // how long it has waited for its peer
}

func newReader(ctx context.Context, p *Pacer) *reader {
	return &reader{pace: newPace(p, identity.Key{}, 0), ctx: ctx, link: make(chan struct{})}
}

// work does pieces of so many bytes. For each the reader works a while, and waits for its peer a while. It returns how
// long the reader rested.
func (r *reader) work(pieces, bytes int, each, wait time.Duration) time.Duration {
	began := time.Now()
	for range pieces {
		time.Sleep(each + wait)
		r.slow += wait
		r.add(bytes, false)
		r.end(r.ctx, r.link, r.slow)
	}
	return time.Since(began) - time.Duration(pieces)*(each+wait)
}

func TestReaderRestsDuringAFlood(t *testing.T) {
	const free = freeWork + ownWork
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		pacer         *Pacer
		pieces, bytes int
		each, wait    time.Duration
		least, most   time.Duration
	}{
		"a burst is free":             {pacedBy(true), free / piece, piece, 0, 0, 0, 0},
		"as fast as mostWork":         {pacedBy(true), (free + mostWork) / piece, piece, 0, 0, 950 * ms, time.Second},
		"so in large pieces":          {pacedBy(true), (free + mostWork) / (1 << 20), 1 << 20, 0, 0, 900 * ms, time.Second + 64*ms},
		"as long as the work":         {pacedBy(true), free/piece + 100, piece, 5 * ms, 0, 400 * ms, 500 * ms},
		"not long for little work":    {pacedBy(true), free/piece + 100, piece, 50 * ms, 0, 10 * ms, 100 * longestRest},
		"waiting isn't work":          {pacedBy(true), free/piece + 100, piece, 0, 5 * ms, 80 * ms, 100 * ms},
		"work is, beside waiting":     {pacedBy(true), free/piece + 100, piece, 5 * ms, 5 * ms, 400 * ms, 500 * ms},
		"what a person types is free": {pacedBy(true), 1000, ownRefill, 0, time.Second, 0, 0},
		"the peer isn't paced":        {pacedBy(false), 2 * free / piece, piece, 0, 0, 0, 0},
		"there is no Pacer":           {nil, 2 * free / piece, piece, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReader(t.Context(), c.pacer)
				if rested := r.work(c.pieces, c.bytes, c.each, c.wait); rested < c.least || rested > c.most {
					t.Errorf("it rested %v, want %v to %v", rested, c.least, c.most)
				}
			})
		})
	}
}

// Once the peers are quiet, a burst is free again after a while.
func TestBurstIsFreeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := pacedBy(true)
		newReader(t.Context(), pacer).work(2*freeWork/piece, piece, 0, 0)
		time.Sleep(freeWork / freeRefill * time.Second)
		if rested := newReader(t.Context(), pacer).work(freeWork/piece, piece, 0, 0); rested > 0 {
			t.Errorf("a burst after a pause rested %v", rested)
		}
	})
}

// floods has readers work on floods in pieces of so many bytes until ctx ends, and returns how many bytes each did.
func floods(ctx context.Context, pacer *Pacer, readers, piece int, wait time.Duration, done *sync.WaitGroup) []int {
	each := make([]int, readers)
	for i := range each {
		done.Go(func() {
			for r := newReader(ctx, pacer); ctx.Err() == nil; each[i] += piece {
				r.work(1, piece, 0, wait)
			}
		})
	}
	return each
}

// Floods over many links leave as much time as one does, and each link gets the same.
func TestReadersRestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 16
		pacer := pacedBy(true)
		pacer.free.AllowN(time.Now(), freeWork)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var done sync.WaitGroup
		each := floods(ctx, pacer, readers, piece, 0, &done)
		done.Wait()
		total := 0
		for i, n := range each {
			total += n
			if share := mostWork / readers; n < share*8/10 || n > share*12/10+ownWork {
				t.Errorf("reader %d did %d bytes of %d", i, n, share)
			}
		}
		if total > mostWork+freeRefill+readers*(piece+ownWork) {
			t.Errorf("%d bytes in a second, want at most %d", total, mostWork)
		}
	})
}

// Floods over all links but one, fast ones or such as trickle, with much work in few bytes or not, don't silence a stranger on
// the last one.
func TestStrangerBesideManyFloods(t *testing.T) {
	for name, c := range map[string]struct {
		piece int
		wait  time.Duration
	}{
		"fast": {piece, 0}, "trickle": {piece, 50 * time.Millisecond}, "slow": {piece, 300 * time.Millisecond},
		"much work": {256 << 10, 0}, "very much work": {4 << 20, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pacer := pacedBy(true)
				pacer.free.SetLimit(0) // what is free lets some through that others can't use
				pacer.free.AllowN(time.Now(), freeWork)
				ctx, cancel := context.WithCancel(t.Context())
				var done sync.WaitGroup
				floods(ctx, pacer, 127, c.piece, c.wait, &done)
				time.Sleep(10 * time.Second)
				if rested := newReader(ctx, pacer).work(10, piece, 0, 0); rested > time.Second {
					t.Errorf("160 KiB took %v", rested)
				}
				cancel()
				done.Wait()
			})
		})
	}
}

// One frame may have much work in little: tens of thousands of records that are none. Its reader pays for that in many
// short rests, between which others have their turn.
func TestOneFrameWithMuchWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := pacedBy(true)
		pacer.free.AllowN(time.Now(), freeWork)
		r := newReader(t.Context(), pacer)
		var done sync.WaitGroup
		done.Go(func() {
			if rested := r.work(1, mostWork, 0, 0); rested < 900*time.Millisecond {
				t.Errorf("it rested %v, want a second at least", rested)
			}
		})
		time.Sleep(time.Millisecond) // so that it rests by now
		other := newReader(t.Context(), pacer)
		other.own.AllowN(time.Now(), ownWork)
		if rested := other.work(1, piece, 0, 0); rested == 0 || rested > 2*longestRest {
			t.Errorf("beside it another rested %v", rested)
		}
		done.Wait()
	})
}

// A rest, and the wait for it, end with the link and with the program.
func TestRestEndsWithTheLink(t *testing.T) {
	for _, waits := range []bool{true, false} {
		for _, ofLink := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				pacer := pacedBy(true)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				link := make(chan struct{})
				if waits {
					pacer.turn <- struct{}{} // another reader rests
				}
				began := time.Now()
				time.AfterFunc(time.Second, func() {
					if ofLink {
						close(link)
					} else {
						cancel()
					}
				})
				r := &reader{pace: newPace(pacer, identity.Key{}, 0), ctx: ctx, link: link}
				r.work(1, ownWork+freeWork+100*mostWork, 0, 0)
				if took := time.Since(began); took < time.Second || took > time.Second+longestRest {
					t.Errorf("waits for its turn %v, end of the link %v: it took %v", waits, ofLink, took)
				}
			})
		}
	}
}

// Records that were asked for are no flood. Those that come without a question are.
func TestWorkOfFrames(t *testing.T) {
	l := &Link{}
	in := inbound{l: l, pace: newPace(pacedBy(true), identity.Key{}, 0)}
	l.Expect(1)
	for _, c := range []struct {
		what string
		m    wire.Message
		want int
	}{
		{"a record", wire.Record{}, 1000 + recordWork},
		{"an answer", wire.Records{Records: make([]wire.Record, 3)}, 0},
		{"records without a question", wire.Records{Records: make([]wire.Record, 3)}, 1000 + 3*recordWork},
		{"another message", wire.Have{}, 1000},
		{"a page of a frontier", wire.Frontier{}, 1000},
		{"a frontier's last page", wire.Frontier{Last: true}, 1000 + compareWork},
	} {
		in.pace.work = 0
		if in.count(c.m, 1000); in.pace.work != c.want {
			t.Errorf("%s of 1000 bytes counts %d, want %d", c.what, in.pace.work, c.want)
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

// Answers have a bound as well, for those that are paced: a peer that makes us ask for ever floods.
func TestAnswersAreBounded(t *testing.T) {
	for _, paced := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := newPace(pacedBy(paced), identity.Key{}, 0)
			const frame = 1 << 20
			for range askedWork / frame {
				p.add(frame, true)
			}
			if p.work != 0 {
				t.Errorf("paced %v: %d bytes of the first answers count", paced, p.work)
			}
			want := 0
			if paced {
				want = frame
			}
			if p.add(frame, true); p.work != want {
				t.Errorf("paced %v: %d bytes of one answer more count, want %d", paced, p.work, want)
			}
			if left := p.pacer.asked.Tokens(); !paced && left < askedWork {
				t.Errorf("answers of one who isn't paced leave %v bytes for others", left)
			}
		})
	}
}

// A flood over a real link makes its reader pay for all of it.
func TestReaderPaysForAFlood(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	a.Pacer = pacedBy(true)
	a.Pacer.free.SetLimit(0) // nothing comes back meanwhile
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	h := newRecorder(t)
	heard := make(chan struct{})
	h.onMessage = func(wire.Message) { heard <- struct{}{} }
	la.Start(h, nil)
	lb.Start(newRecorder(t), nil)
	const frames = 40
	flood := encode(t, onWire(newAuthor(t, b.id).say(t, strings.Repeat("flood ", record.MaxText/6))))
	for i := range frames + 1 {
		if i == frames {
			flood = encode(t, wire.Typing{Room: room.String()})
		}
		if lb.WaitSync(t.Context()) != nil || !lb.Sync(flood) {
			t.Fatal("the queue is full")
		}
	}
	<-heard
	if paid := freeWork - int(a.Pacer.free.Tokens()); paid < frames*record.MaxText-ownWork {
		t.Errorf("%d bytes of %d were paid for", paid, frames*record.MaxText)
	}
}

// What a reader waits for its peer is counted apart.
func TestWaitForThePeerIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newConn(near)
		for range 2 {
			time.AfterFunc(time.Second, func() { far.Write([]byte("x")) })
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // it works
		}
		if c.waited != 2*time.Second {
			t.Errorf("it waited %v", c.waited)
		}
	})
}
