package link

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// TestSilence cuts the cable 12 s after the start, 2 s after the last pings.
func TestSilence(t *testing.T) {
	for _, test := range []struct {
		name string
		back time.Duration // when the cable is in again; 0: never
		want []string
		why  error
	}{
		{"lost", 0, []string{"late=true at 20s", "down at 25s"}, ErrLost},
		{"late and back", 23 * time.Second, []string{"late=true at 20s", "late=false at 23s"}, nil},
		{"short", 19 * time.Second, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newSide(t, 1), newSide(t, 2)
				n, ca, cb := memPair(t, 1, memnet.Link{})
				la, lb := pair(t, a, b, ca, cb)
				ha, hb := newRecorder(t), newRecorder(t)
				la.Start(ha, nil)
				lb.Start(hb, nil)
				time.Sleep(12 * time.Second)
				host(n, 2).Cut()
				if test.back > 0 {
					time.Sleep(test.back - 12*time.Second)
					host(n, 2).Join()
				}
				time.Sleep(40 * time.Second)
				for _, h := range []*recorder{ha, hb} {
					if diff := cmp.Diff(test.want, h.seen()); diff != "" {
						t.Errorf("events (-want +got):\n%s", diff)
					}
				}
				if test.why == nil {
					la.fail(ErrDown)
					lb.fail(ErrDown)
				} else if err := <-ha.down; !errors.Is(err, test.why) {
					t.Errorf("down: %v, want %v", err, test.why)
				}
			})
		})
	}
}

// TestEndIsLostAtOnce: a FIN without Bye, and a RST.
func TestEndIsLostAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i := range 2 {
			a, b := newSide(t, 1), newSide(t, 2)
			n, ca, cb := memPair(t, 1, memnet.Link{})
			la, lb := pair(t, a, b, ca, cb)
			h := newRecorder(t)
			la.Start(h, nil)
			time.Sleep(3 * time.Second)
			if i == 0 {
				lb.fail(ErrDown)
			} else {
				n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
			}
			err := <-h.down
			if took := time.Since(h.from); took != 3*time.Second || err == nil || errors.Is(err, ErrLost) {
				t.Errorf("down after %v with %v", took, err)
			}
			if i == 1 && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("down with %v, want a reset", err)
			}
			lb.fail(ErrDown)
			n.Close()
		}
	})
}

// TestSuspend has the link's own clock asleep for a minute, as after a SIGSTOP: the deadlines that
// have passed meanwhile begin anew, but only once.
func TestSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		n, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		h := newRecorder(t)
		h.onState = func(late bool) {
			if late {
				time.Sleep(50 * time.Second)
			}
		}
		la.Start(h, nil)
		lb.Start(newRecorder(t), nil)
		time.Sleep(time.Second)
		host(n, 2).Cut() // nothing was heard since 0 s
		<-h.down
		// Late at 10 s; asleep until 60 s; then 15 s once more, without a word of the peer being back.
		if diff := cmp.Diff([]string{"late=true at 10s", "down at 1m15s"}, h.seen()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		lb.fail(ErrDown)
	})
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		n, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		h := newRecorder(t)
		la.Start(h, func() map[string]string { // the clock sleeps before it has said late
			if at := time.Since(h.from); at == 10*time.Second || at == 60*time.Second {
				time.Sleep(50 * time.Second)
			}
			return nil
		})
		lb.Start(newRecorder(t), nil)
		time.Sleep(6 * time.Second)
		host(n, 2).Cut() // last heard at 5 s; asleep from 10 s to 60 s
		<-h.down
		// At 60 s the silence begins anew. The ping of then sleeps until 110 s; there is no second
		// grace: the link is lost as soon as the clock looks.
		if diff := cmp.Diff([]string{"down at 1m50s"}, h.seen()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		lb.fail(ErrDown)
	})
}

// TestBusyIsNotSilent: while our own handler blocks, the peer's pings lie unread; it isn't lost, and
// neither are we.
func TestBusyIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		_, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		ha.onMessage = func(wire.Message) { time.Sleep(time.Minute) }
		la.Start(ha, nil)
		lb.Start(hb, nil)
		lb.Control(encode(t, wire.Typing{Room: room.String()}))
		time.Sleep(2 * time.Minute)
		if got := append(ha.seen(), hb.seen()...); len(got) > 0 {
			t.Errorf("events %v, want none", got)
		}
		la.fail(ErrDown)
		lb.fail(ErrDown)
	})
}

func TestRTT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		d := 20 * time.Millisecond
		n, ca, cb := memPair(t, 1, memnet.Link{MinLatency: d, MaxLatency: d})
		la, lb := pair(t, a, b, ca, cb)
		if la.RTT() != 0 {
			t.Errorf("RTT %v before the first ping", la.RTT())
		}
		ha, hb := newRecorder(t), newRecorder(t)
		la.Start(ha, func() map[string]string { return map[string]string{room.String(): "00ff"} })
		lb.Start(hb, nil)
		time.Sleep(time.Second)
		if la.RTT() != 2*d || lb.RTT() != 2*d {
			t.Errorf("RTT %v and %v, want %v", la.RTT(), lb.RTT(), 2*d)
		}
		n.SetDefault(memnet.Link{MinLatency: 3 * d, MaxLatency: 3 * d})
		time.Sleep(5 * time.Second)
		if want := 3 * d; la.RTT() != want { // 40 ms + (120 ms − 40 ms)/4
			t.Errorf("RTT %v, want %v", la.RTT(), want)
		}
		time.Sleep(2 * time.Minute)
		if got := la.RTT(); got < 5*d || got > 6*d {
			t.Errorf("RTT %v, want almost %v", got, 6*d)
		}
		frontier := fmt.Sprintf("frontier map[%s:00ff]", room)
		if got := hb.seen(); len(got) != 26 || slices.ContainsFunc(got, func(e string) bool { return e != frontier }) {
			t.Errorf("%d frontiers %v, want 26 in 126 s", len(got), got)
		}
		la.fail(ErrDown)
		lb.fail(ErrDown)
	})
}

func TestPongThatAnswersNothing(t *testing.T) {
	r := rtt{epoch: time.Now().Add(-time.Minute)}
	p := r.next(nil)
	for _, pong := range []wire.Pong{{}, {N: p.N, Stamp: p.Stamp - int64(time.Hour)}, {N: p.N + 4, Stamp: p.Stamp}} {
		if r.record(pong); r.smoothed() != 0 {
			t.Errorf("%+v was taken for an answer", pong)
		}
	}
	r.record(wire.Pong{N: p.N, Stamp: p.Stamp})
	first := r.smoothed()
	if first <= 0 || first > time.Second {
		t.Errorf("RTT %v", first)
	}
	r.record(wire.Pong{N: p.N, Stamp: p.Stamp})
	if r.smoothed() != first {
		t.Error("a second answer counted")
	}
}
