package link

import (
	"errors"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
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
