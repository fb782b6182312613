package link

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// TestRefuseReason: whichever side refuses, the peer gets a Bye with the reason in place of a Hello.
// RefuseReason is called with a key that is proven.
func TestRefuseReason(t *testing.T) {
	for _, dialler := range []bool{true, false} {
		a, b := newSide(t, 1), newSide(t, 2)
		refusing, other := &b, &a
		if dialler {
			refusing, other = &a, &b
		}
		var asked []identity.Key
		refusing.RefuseReason = func(key identity.Key) string {
			asked = append(asked, key)
			return wire.ByeFull
		}
		other.RefuseReason = func(identity.Key) string { return "" }
		ca, cb := tcpPair(t)
		start := time.Now()
		o := join(t, a, b, ca, cb, identity.Key{})
		mine, theirs := o.serverErr, o.clientErr
		if dialler {
			mine, theirs = theirs, mine
		}
		if !errors.Is(mine, ErrUnwanted) || o.client != nil || o.server != nil {
			t.Errorf("refusing dialler %v: %v", dialler, mine)
		}
		if byeReason(theirs) != wire.ByeFull {
			t.Errorf("refusing dialler %v: the other side got %v", dialler, theirs)
		}
		if len(asked) != 1 || asked[0] != other.id.Key() {
			t.Errorf("refusing dialler %v: asked about %v", dialler, asked)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("refusing dialler %v: took %v", dialler, took)
		}
	}
}

// TestRefuse: a link that was refused before its start never starts, and its peer gets the Bye. A peer that is gone
// holds up the refusal for a moment only.
func TestRefuse(t *testing.T) {
	for _, gone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newSide(t, 1), newSide(t, 2)
			n, ca, cb := memPair(t, 1, memnet.Link{})
			la, lb := pair(t, a, b, ca, cb)
			ha, hb := newRecorder(t), newRecorder(t)
			lb.Start(hb, nil)
			lb.Control(encode(t, wire.Typing{}))
			if gone {
				host(n, 2).Cut()
			}
			start := time.Now()
			la.Refuse(wire.ByeFull)
			if took := time.Since(start); took > 2*refuseWithin {
				t.Errorf("peer gone %v: the refusal took %v", gone, took)
			}
			if la.Start(ha, nil) || !la.Ending() {
				t.Errorf("peer gone %v: the refused link goes on", gone)
			}
			if gone {
				lb.fail(ErrDown)
				<-hb.down
			} else if err := <-hb.down; byeReason(err) != wire.ByeFull {
				t.Errorf("the peer is down with %v", err)
			}
		})
	}
}

// TestRefuseWhileSending: a refusal reads all that the peer has sent before it closes. On some systems a close with
// unread bytes is a reset, which destroys the Bye.
func TestRefuseWhileSending(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	sent := 0
	for range 16 {
		n, err := lb.tls.Write(encode(t, wire.Typing{Room: strings.Repeat("x", 60<<10)}))
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	la.Refuse(wire.ByeFull)
	if in, _ := la.Bytes(); in < int64(sent) {
		t.Errorf("%d of %d bytes were read", in, sent)
	}
	hb := newRecorder(t)
	lb.Start(hb, nil)
	if err := <-hb.down; byeReason(err) != wire.ByeFull {
		t.Errorf("the peer is down with %v", err)
	}
}

// TestRefuseDeaf: a peer that takes no byte holds up its refusal for a moment only.
func TestRefuseDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		l := newLink(ours, newSide(t, 1).Config, true)
		l.tls = tls.Client(l.conn, &tls.Config{InsecureSkipVerify: true})
		start := time.Now()
		l.Refuse(wire.ByeFull)
		if took := time.Since(start); took > 2*refuseWithin {
			t.Errorf("the refusal took %v", took)
		}
	})
}

// TestEndBetweenHellos: the program ends when the peer has our Hello, and so counts us as linked. It gets a Bye.
func TestEndBetweenHellos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, 1), newSide(t, 2)
		hello := b.Hello
		b.Hello = func() wire.Hello { time.Sleep(time.Second); return hello() }
		_, ca, cb := memPair(t, 1, memnet.Link{})
		ctx, end := context.WithCancelCause(t.Context())
		down := make(chan error)
		go func() {
			lb, err := Server(t.Context(), cb, b.Config)
			if err != nil {
				t.Error(err)
			}
			h := newRecorder(t)
			lb.Start(h, nil)
			down <- <-h.down
		}()
		leaving := errors.New("the end")
		time.AfterFunc(900*time.Millisecond, func() { end(leaving) })
		if _, err := Client(ctx, ca, a.Config, identity.Key{}); !errors.Is(err, leaving) {
			t.Errorf("the side that ends: %v", err)
		}
		if err := <-down; byeReason(err) != wire.ByeLeaving {
			t.Errorf("the peer is down with %v", err)
		}
	})
}

// TestEnding: a link is ending from the first Bye of either side on, or from a cut.
func TestEnding(t *testing.T) {
	for what, end := range map[string]func(l *Link){
		"bye": func(l *Link) { l.Bye(wire.ByeLeaving) },
		"cut": func(l *Link) { l.fail(ErrDown) },
	} {
		a, b := newSide(t, 1), newSide(t, 2)
		ca, cb := tcpPair(t)
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		la.Start(ha, nil)
		lb.Start(hb, nil)
		if la.Ending() || lb.Ending() {
			t.Errorf("%s: ending from the start", what)
		}
		end(la)
		if !la.Ending() {
			t.Errorf("%s: not ending", what)
		}
		<-hb.down
		if !lb.Ending() {
			t.Errorf("%s: the other side isn't ending", what)
		}
		<-ha.down
	}
}

// TestRefuseHello: a peer that dials is judged by its Hello, and gets a Bye before ours is made.
func TestRefuseHello(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	name, made := "", 0
	hello := b.Hello
	b.Hello = func() wire.Hello { made++; return hello() }
	b.RefuseHello = func(key identity.Key, h wire.Hello) string {
		if key != a.id.Key() {
			t.Errorf("asked about %v", key)
		}
		name = h.Name
		return wire.ByeFull
	}
	ca, cb := tcpPair(t)
	o := join(t, a, b, ca, cb, identity.Key{})
	if !errors.Is(o.serverErr, ErrUnwanted) || byeReason(o.clientErr) != wire.ByeFull {
		t.Errorf("the server ends with %v, the client with %v", o.serverErr, o.clientErr)
	}
	if name != a.Hello().Name || made != 0 {
		t.Errorf("judged by the Hello of %q; %d Hellos made for a peer that isn't let in", name, made)
	}
}
