package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func TestQueuePriority(t *testing.T) {
	q := newQueue()
	big := bytes.Repeat([]byte("B"), piece+1)
	for _, p := range []struct {
		c class
		f string
	}{{bulk, "s1"}, {live, "l1"}, {control, "c1"}, {live, string(big)}, {bulk, "s2"}, {control, "c2"}, {live, "l3"}} {
		if !q.push(p.c, wire.Frame(p.f)) {
			t.Fatalf("%q not accepted", p.f)
		}
	}
	q.seal(wire.Frame("bye"))
	buf := make([]byte, 0, piece)
	for _, want := range []string{"c1c2l1", string(big), "l3s1", "s2", "bye"} {
		out, _, done := q.take(buf)
		if string(out) != want || done != (want == "bye") {
			t.Fatalf("took %.20q (done %v), want %.20q", out, done, want)
		}
	}
	if out, _, done := q.take(buf); len(out) > 0 || !done {
		t.Errorf("after the end: %q, done %v", out, done)
	}
}

// ControlBytes counts the control frames that the writer didn't take.
func TestControlBytes(t *testing.T) {
	l := &Link{queue: newQueue()}
	bytes := []int{l.ControlBytes()}
	l.Sync(wire.Frame("sync"))
	l.Control(wire.Frame("one"))
	bytes = append(bytes, l.ControlBytes())
	l.Control(wire.Frame("more"))
	bytes = append(bytes, l.ControlBytes())
	l.queue.take(make([]byte, 0, piece))
	bytes = append(bytes, l.ControlBytes())
	if want := []int{0, 3, 7, 0}; !slices.Equal(bytes, want) {
		t.Errorf("when empty, with a frame, two, after them: %v, want %v", bytes, want)
	}
}

func TestQueueLimits(t *testing.T) {
	for c, limit := range limits {
		q := newQueue()
		var n int
		for q.push(class(c), wire.Frame("x")) {
			n++
		}
		if n != limit.frames {
			t.Errorf("class %d took %d frames, want %d", c, n, limit.frames)
		}
		q = newQueue()
		n = 0
		frame := make(wire.Frame, 60<<10)
		for q.push(class(c), frame) {
			n += len(frame)
		}
		if n > limit.bytes || n < limit.bytes*4/5 {
			t.Errorf("class %d took %d bytes, want almost %d", c, n, limit.bytes)
		}
		q = newQueue()
		if !q.push(class(c), make(wire.Frame, limit.bytes+1)) {
			t.Errorf("class %d took not even one frame", c)
		}
	}
}

// TestQueueReopens: after one refusal there are only refusals until all is written.
func TestQueueReopens(t *testing.T) {
	q := newQueue()
	for q.push(live, make(wire.Frame, 100)) {
	}
	waited := make(chan error, 1)
	go func() { waited <- q.wait(t.Context(), live) }()
	buf := make([]byte, 0, piece)
	for {
		_, drained, _ := q.take(buf)
		if q.push(live, nil) || q.countSpace(live) != 0 {
			t.Fatal("open before it was drained")
		}
		if drained {
			break
		}
	}
	select {
	case <-waited:
		t.Fatal("wait returned before reopen")
	default:
	}
	q.reopen()
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if q.countSpace(live) != limits[live].frames || !q.push(live, nil) {
		t.Error("not open after reopen")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	quit := errors.New("quit")
	cancel(quit)
	for q.push(bulk, nil) {
	}
	if err := q.wait(ctx, bulk); err != quit {
		t.Errorf("wait with a cancelled context: %v", err)
	}
	go func() { waited <- q.wait(t.Context(), bulk) }()
	q.drop()
	if err := <-waited; err != ErrDown {
		t.Errorf("wait on a dropped queue: %v", err)
	}
}

// Live frames that are gathered wait until they fill a piece, are released, or gathering ends. The writer isn't woken
// before. A control frame takes them along, an answer doesn't.
func TestGather(t *testing.T) {
	q := newQueue()
	buf := make([]byte, 0, piece)
	take := func() string {
		out, _, _ := q.take(buf)
		return string(out)
	}
	woken := func() bool {
		select {
		case <-q.wake:
			return true
		default:
			return false
		}
	}
	expect := func(when string, wakes bool, frames ...string) {
		t.Helper()
		if woken() != wakes {
			t.Errorf("%s: the writer is woken: %v, want %v", when, !wakes, wakes)
		}
		for _, want := range append(frames, "") {
			if got := take(); got != want {
				t.Errorf("%s: took %.20q, want %.20q", when, got, want)
			}
		}
	}
	half := string(bytes.Repeat([]byte("h"), piece/2))
	expect("empty", false)
	q.push(live, wire.Frame("one"))
	expect("one", true, "one")
	q.gatherLive(true)
	q.push(live, wire.Frame("two"))
	expect("gathered", false)
	q.push(bulk, wire.Frame("bulk"))
	expect("with an answer", true, "bulk")
	q.push(control, wire.Frame("now"))
	expect("with something urgent", true, "nowtwo")
	for range 3 {
		q.push(live, wire.Frame(half))
	}
	expect("more than a piece", true, half+half)
	q.release()
	expect("released after a piece went out", false)
	q.release()
	expect("released again", true, half)
	for range 3 { // what a release sends is no piece that goes out by itself
		q.push(live, wire.Frame("three"))
		expect("after a release", false)
		q.release()
		expect("each release", true, "three")
	}
	q.push(bulk, wire.Frame("bulk"))
	expect("an answer", true, "bulk")
	q.push(live, wire.Frame("three"))
	q.release()
	expect("released after an answer", true, "three")
	q.release()
	expect("nothing to release", false)
	q.push(live, wire.Frame("three"))
	expect("gathered after that", false)
	q.push(control, wire.Frame("now"))
	expect("with something urgent", true, "nowthree")
	q.push(live, wire.Frame("three"))
	q.release()
	expect("released after it went out with something urgent", false)
	q.release()
	woken()
	got := take()
	q.push(live, wire.Frame("four"))
	if got += "|" + take(); got != "three|" {
		t.Errorf("a release and a frame after it: took %q, want only the first", got)
	}
	q.release()
	expect("released at last", true, "four")
	q.push(live, wire.Frame("three"))
	q.gatherLive(false)
	expect("no more is gathered", true, "three")
	q.push(live, wire.Frame("four"))
	expect("as before", true, "four")
	q.gatherLive(true)
	q.push(live, wire.Frame("five"))
	q.seal(wire.Frame("bye"))
	expect("sealed", true, "five", "bye")
}

// TestFIFOStaysSmall: a queue that is never empty doesn't keep what has passed.
func TestFIFOStaysSmall(t *testing.T) {
	var w fifo
	for i := range 100_000 {
		w.push(wire.Frame{byte(i)})
		if i >= 100 {
			if got := w.first()[0]; got != byte(i-100) {
				t.Fatalf("frame %d is %d", i-100, got)
			}
			w.pop()
		}
	}
	if w.len() != 100 || w.bytes != 100 || cap(w.frames) > 1024 {
		t.Errorf("%d frames, %d bytes, room for %d", w.len(), w.bytes, cap(w.frames))
	}
}

// stalled opens a link to a peer that has sent its Hello, and then reads only when the test does.
func stalled(t *testing.T) (l *Link, peer *Link) {
	a, b := newSide(t, 1), newSide(t, 2)
	_, ca, cb := memPair(t, 1, memnet.Link{})
	return pair(t, a, b, ca, cb)
}

// TestStuckPeer: a peer that reads nothing is cut off after 10 to 11 s, and no sender ever waits.
func TestStuckPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, peer := stalled(t)
		h := newRecorder(t)
		l.Start(h, nil)
		frame := encode(t, wire.Chat{Content: string(bytes.Repeat([]byte("x"), 1000))})
		var accepted int
		for l.Live(frame) {
			accepted++
			synctest.Wait() // the writer takes what it can
		}
		if since := time.Since(h.from); since != 0 {
			t.Errorf("Live took %v", since)
		}
		if size := accepted * len(frame); size < memnet.Buffer+900<<10 || size > memnet.Buffer+1100<<10 {
			t.Errorf("%d bytes accepted, want the socket's and 1 MiB", size)
		}
		if l.LiveSpace() != 0 {
			t.Errorf("LiveSpace %d when full", l.LiveSpace())
		}
		if !l.Control(encode(t, wire.Typing{})) || !l.Sync(encode(t, wire.Typing{})) {
			t.Error("the other queues are full too")
		}
		err := <-h.down
		if took := time.Since(h.from); !errors.Is(err, ErrSlow) || took < 10*time.Second || took > 11*time.Second {
			t.Errorf("down with %v after %v", err, took)
		}
		peer.fail(ErrDown)
	})
}

// TestSlowPeer reads some bytes now and then: it stays, and Drained is called once when all is
// written.
func TestSlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, peer := stalled(t)
		h := newRecorder(t)
		drained := make(chan struct{}, 10)
		h.onDrained = func() { drained <- struct{}{} }
		l.Start(h, nil)
		frame := encode(t, wire.Chat{Content: string(bytes.Repeat([]byte("x"), 1000))})
		var accepted int
		for l.Live(frame) {
			accepted++
			synctest.Wait()
		}
		for range 4 { // 8 KiB each 9 s, and a sign of life
			time.Sleep(9 * time.Second)
			for range 8 {
				if _, err := peer.frames.Next(); err != nil {
					t.Fatal(err)
				}
				accepted--
			}
			if err := peer.send(encode(t, wire.Heartbeat("x"))); err != nil {
				t.Fatal(err)
			}
		}
		if l.Live(frame) || len(drained) > 0 {
			t.Error("the queue is open before it is empty")
		}
		// Now it reads all.
		got := make(chan int)
		go func() {
			var n int
			for {
				payload, err := peer.frames.Next()
				if err != nil {
					got <- n
					return
				}
				if bytes.HasPrefix(payload, []byte(`{"Chat"`)) {
					n++
				}
			}
		}()
		if err := l.WaitLive(t.Context()); err != nil {
			t.Error(err)
		}
		<-drained
		synctest.Wait()
		if len(drained) > 0 {
			t.Error("Drained twice")
		}
		if !l.Live(frame) {
			t.Error("the queue is closed after Drained")
		}
		accepted++
		l.Bye(wire.ByeLeaving)
		if err := peer.tls.CloseWrite(); err != nil {
			t.Error(err)
		}
		// The pings of 5 and more seconds wait in between; the 8 frames a time may include some.
		if n := <-got; n < accepted || n > accepted+8 {
			t.Errorf("%d lines arrived, %d were accepted", n, accepted)
		}
		if err := <-h.down; err != nil {
			t.Errorf("down with %v", err)
		}
		peer.fail(ErrDown)
	})
}

// TestSyncPace: WaitSync is what serving a Want is paced by, and live lines pass what it queues.
func TestSyncPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		n, ca, cb := memPair(t, 1, memnet.Link{})
		host(n, 1).SetBandwidth(100_000, 0)
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		var frames, before int
		hb.onMessage = func(m wire.Message) {
			if _, ok := m.(wire.Typing); ok {
				before = frames
				return
			}
			frames++
		}
		la.Start(ha, nil)
		lb.Start(hb, nil)
		page := encode(t, wire.Chat{Content: string(bytes.Repeat([]byte("x"), 48<<10))})
		start := time.Now()
		for range 100 {
			if err := la.WaitSync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if la.SyncSpace() < limits[bulk].frames/2 || !la.Sync(page) {
				t.Fatal("no space after WaitSync")
			}
		}
		if took := time.Since(start); took < 40*time.Second || took > 50*time.Second {
			t.Errorf("100 pages of 48 KiB at 100 kB/s were taken in %v", took)
		}
		la.Live(encode(t, wire.Typing{}))
		la.Bye(wire.ByeLeaving)
		<-ha.down
		<-hb.down
		// The socket's pages go first (memnet.Buffer holds 6), then those of the queue.
		if frames != 100 || before > 99 {
			t.Errorf("%d pages arrived, %d of them before the live line", frames, before)
		}
	})
}

func TestPeerThatNeverReads(t *testing.T) {
	// A flood of pings that are never read back: pongs are bounded, and the flooder is cut off.
	synctest.Test(t, func(t *testing.T) {
		us, them := newSide(t, 1), newSide(t, 2)
		_, theirs, ours := memPair(t, 1, memnet.Link{})
		c := tls.Client(theirs, rawTLS(&them.Certificate, nil))
		flood := make(chan struct{})
		go func() {
			defer close(flood)
			_, err := c.Write(encode(t, them.Hello()))
			for ping := encode(t, wire.Ping{N: 1}); err == nil; {
				_, err = c.Write(bytes.Repeat(ping, 100))
				time.Sleep(time.Millisecond)
			}
		}()
		l, err := Server(t.Context(), ours, us.Config)
		if err != nil {
			t.Fatal(err)
		}
		h := newRecorder(t)
		l.Start(h, nil)
		if err := <-h.down; !errors.Is(err, ErrSlow) {
			t.Errorf("down with %v", err)
		}
		<-flood
	})
}
