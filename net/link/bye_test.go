package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func byeReason(err error) string {
	var bye *ByeError
	if errors.As(err, &bye) {
		return bye.Reason
	}
	return ""
}

func TestBye(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	ha, hb := newRecorder(t), newRecorder(t)
	la.Start(ha, nil)
	// The receiver is slow: the Bye must not overtake what came before it.
	first := make(chan struct{})
	var got []string
	hb.onRecord = func(r *record.Record) { <-first; got = append(got, r.Text()) }
	au := newAuthor(t, a.id)
	var want []string
	for i := range 300 {
		text := fmt.Sprint("line ", i)
		want = append(want, text)
		if !la.Live(encode(t, onWire(au.say(t, text)))) {
			t.Fatal("queue full")
		}
	}
	la.Bye(wire.ByeLeaving)
	la.Bye("again")
	if la.Live(encode(t, wire.Ping{})) || la.Control(encode(t, wire.Ping{})) || la.Sync(encode(t, wire.Ping{})) {
		t.Error("a frame was accepted after Bye")
	}
	lb.Start(hb, nil)
	close(first)
	if err := <-hb.down; byeReason(err) != wire.ByeLeaving {
		t.Errorf("down: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if lb.Live(encode(t, wire.Ping{})) || lb.LiveSpace() != 0 || !errors.Is(lb.WaitLive(t.Context()), ErrDown) {
		t.Error("the link takes frames after Down")
	}
	lb.Bye(wire.ByeLeaving) // after Down: nothing
	<-ha.down
}

func TestByeStarted(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	ha, hb := newRecorder(t), newRecorder(t)
	la.Start(ha, nil)
	lb.Start(hb, nil)
	la.Bye(wire.ByeDuplicate)
	if err := <-ha.down; err != nil {
		t.Errorf("the side that called Bye is down with %v", err)
	}
	if err := <-hb.down; byeReason(err) != wire.ByeDuplicate {
		t.Errorf("the side that received Bye is down with %v", err)
	}
}

// crossed has both sides send until the link takes no more, one of them saying Bye in the midst of
// it. What Live accepted on one side must arrive on the other, in order.
func crossed(t *testing.T, a, b side, ca, cb net.Conn, rng *rand.Rand, frames []wire.Frame) {
	la, lb := pair(t, a, b, ca, cb)
	ha, hb := newRecorder(t), newRecorder(t)
	var atA, atB int
	count := func(n *int) func(wire.Message) {
		return func(m wire.Message) {
			if seq := m.(wire.Have).Heads[0].Seq; seq != uint64(*n) {
				t.Errorf("message %d came as number %d", seq, *n)
			}
			*n++
		}
	}
	ha.onMessage, hb.onMessage = count(&atA), count(&atB)
	la.Start(ha, nil)
	lb.Start(hb, nil)
	send := func(l *Link, byeAt int) (accepted int) {
		for i, f := range frames {
			if i == byeAt {
				l.Bye(wire.ByeDuplicate)
			}
			if !l.Live(f) {
				return i
			}
		}
		l.Bye(wire.ByeLeaving) // both at once
		return len(frames)
	}
	var fromA, fromB int
	var both sync.WaitGroup
	at := rng.IntN(len(frames))
	both.Go(func() { fromA = send(la, at) })
	both.Go(func() { fromB = send(lb, -1) })
	both.Wait()
	downA, downB := <-ha.down, <-hb.down
	if atA != fromB || atB != fromA || fromA > at {
		t.Errorf("sent %d, %d; received %d, %d; down %v, %v", fromA, fromB, atB, atA, downA, downB)
	}
	// A Bye that is called after the other's has come is not said.
	saidA, saidB := byeReason(downB) == wire.ByeDuplicate, byeReason(downA) == wire.ByeLeaving
	if !saidA && downB != nil || !saidB && downA != nil || !saidA && !saidB {
		t.Errorf("down %v, %v", downA, downB)
	}
}

func haves(t *testing.T, n int) []wire.Frame {
	frames := make([]wire.Frame, n)
	for i := range frames {
		// 1 KiB each, so that the sockets hold back.
		frames[i] = encode(t, wire.Have{Room: strings.Repeat("0", 1000), Heads: []wire.Head{{Feed: "00", Seq: uint64(i)}}})
	}
	return frames
}

// TestCrossedByeTCP: 1,000 times over the kernel's sockets.
func TestCrossedByeTCP(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	frames := haves(t, 200)
	rng := rand.New(rand.NewPCG(1, 1))
	runs := 1000
	if testing.Short() {
		runs = 100
	}
	for range runs {
		ca, cb := tcpPair(t)
		crossed(t, a, b, ca, cb, rng, frames)
	}
}

// TestCrossedByeMemnet: with delays, by seed.
func TestCrossedByeMemnet(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			a, b := newSide(t, 1), newSide(t, 2)
			_, ca, cb := memPair(t, seed, memnet.Link{MaxLatency: 50 * time.Millisecond})
			crossed(t, a, b, ca, cb, rand.New(rand.NewPCG(seed, 2)), haves(t, 200))
		})
	}
}

// TestByeWithoutReader: the goodbye of a link whose peer is gone ends, in 5 s.
func TestByeWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		n, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		h := newRecorder(t)
		la.Start(h, nil)
		time.Sleep(7 * time.Second)
		host(n, 2).Cut()
		start := time.Now()
		la.Bye(wire.ByeLeaving)
		if err := <-h.down; !errors.Is(err, ErrLost) {
			t.Errorf("down with %v", err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("the goodbye took %v, want 5s", took)
		}
		lb.fail(ErrDown)
	})
}

// TestByeCap: a peer that goes on sending can't hold a link that says goodbye.
func TestByeCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		_, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		h := newRecorder(t)
		h.onMessage = func(wire.Message) {}
		la.Start(h, nil)
		stop := make(chan struct{})
		go func() { // never reads, so never hears the Bye
			typing := encode(t, wire.Typing{})
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					_, _ = lb.tls.Write(typing)
				}
			}
		}()
		start := time.Now()
		la.Bye(wire.ByeLeaving)
		if err := <-h.down; !errors.Is(err, ErrLost) || time.Since(start) != 20*time.Second {
			t.Errorf("down with %v after %v, want 20s", err, time.Since(start))
		}
		close(stop)
		lb.fail(ErrDown)
	})
}

func TestFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		_, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		entered, leave := make(chan struct{}), make(chan struct{})
		ha.onMessage = func(wire.Message) { close(entered); <-leave } // a second call would panic
		la.Start(ha, nil)
		lb.Start(hb, nil)
		for range 2000 {
			lb.Control(encode(t, wire.Typing{}))
		}
		<-entered
		mine, other := errors.New("mine"), errors.New("other")
		la.fail(mine)
		la.fail(other)
		synctest.Wait()
		select {
		case err := <-ha.down:
			t.Errorf("down (%v) while a message is being handled", err)
		default:
		}
		close(leave)
		if err := <-ha.down; err != mine {
			t.Errorf("down with %v, want %v", err, mine)
		}
		if err := <-hb.down; err == nil {
			t.Error("the other side saw a regular end")
		}
	})
}

// TestGroupEnds: when the program ends, the peer gets a Bye even if no one called Bye. After the group's
// end no link starts.
func TestGroupEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		ctx, cancel := context.WithCancelCause(t.Context())
		root := group.New(ctx, nil)
		a.Group = root.Child()
		n, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		la.Start(ha, nil)
		lb.Start(hb, nil)
		time.Sleep(time.Second)
		cancel(errors.New("a panic somewhere"))
		if err := <-hb.down; byeReason(err) != wire.ByeLeaving || time.Since(hb.from) != time.Second {
			t.Errorf("the peer is down with %v after %v", err, time.Since(hb.from))
		}
		<-ha.down
		root.Close()
		n.Close()

		n, ca, cb = memPair(t, 2, memnet.Link{})
		la, lb = pair(t, a, b, ca, cb)
		if la.Start(newRecorder(t), nil) {
			t.Error("started in a stopped group")
		}
		la.Refuse(wire.ByeLeaving) // nothing, since it was started
		if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the connection is open: %v", err)
		}
		lb.fail(ErrDown)
		n.Close()
	})
}

// TestGroupEndsUnderLoad: after the group's end the handler gets no more of the messages that wait.
func TestGroupEndsUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		b.Group = group.New(t.Context(), nil) // the pool's group goes on
		n, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		handled, first := 0, make(chan struct{})
		hb.onRecord = func(*record.Record) {
			if handled++; handled == 1 {
				close(first)
			}
			time.Sleep(10 * time.Millisecond)
		}
		la.Start(ha, nil)
		lb.Start(hb, nil)
		au := newAuthor(t, a.id)
		for i := range 400 {
			la.Live(encode(t, onWire(au.say(t, fmt.Sprint(i)))))
		}
		<-first
		time.Sleep(5 * time.Millisecond)
		before, at := handled, time.Now()
		b.Group.Stop()
		<-hb.down
		if handled != before || time.Since(at) > time.Second {
			t.Errorf("%d messages handled, down after %v", handled-before, time.Since(at))
		}
		b.Group.Close()
		la.fail(ErrDown)
		<-ha.down
		n.Close()
	})
}

// TestHandlerPanics: Down follows a panic in the handler, whichever goroutine called it.
func TestHandlerPanics(t *testing.T) {
	for _, sent := range []int{1, 100} { // by the reader; by the goroutine for queued messages
		synctest.Test(t, func(t *testing.T) {
			a, b := newSide(t, 1), newSide(t, 2)
			panics := 0
			b.Group = group.New(t.Context(), func(*group.Panic) { panics++ })
			n, ca, cb := memPair(t, 1, memnet.Link{})
			la, lb := pair(t, a, b, ca, cb)
			ha, hb := newRecorder(t), newRecorder(t)
			hb.onRecord = func(r *record.Record) {
				if r.Text() == fmt.Sprint(sent-1) {
					panic("in Record")
				}
			}
			la.Start(ha, nil)
			lb.Start(hb, nil)
			au := newAuthor(t, a.id)
			for i := range sent {
				la.Live(encode(t, onWire(au.say(t, fmt.Sprint(i)))))
			}
			<-hb.down
			<-ha.down
			b.Group.Close()
			if panics != 1 {
				t.Errorf("%d panics reported", panics)
			}
			n.Close()
		})
	}
}

// TestGroupEndsAtStart: the group is stopped when only the link's keepalive goroutine has started.
// The link ends all the same, so that Wait of the group returns.
func TestGroupEndsAtStart(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	h := newRecorder(t)
	la.handler, la.incoming, la.group = h, a.Pool.OpenQueue(), a.Group.Child()
	la.group.Stop()
	la.run(la.group.Context())
	if err := <-h.down; !errors.Is(err, group.ErrStopped) {
		t.Errorf("down with %v", err)
	}
	lb.fail(ErrDown)
}
