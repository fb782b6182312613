package link

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// A peer's own message overtakes the flood that it hands on, while we handle that more slowly than it comes. The flow of
// each record is asked for with its author and the peer.
func TestOwnMessageOvertakesHandedOnFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, flooder := newSide(t, 1), newSide(t, 2), newSide(t, 3)
		var mu sync.Mutex
		asked := map[[2]identity.Key]int{}
		b.Flow = func(author, via identity.Key) (fair.Flow, int) {
			mu.Lock()
			defer mu.Unlock()
			asked[[2]identity.Key{author, via}]++
			return fair.Flow{Group: fair.Group{Kind: fmt.Sprint(author == via)}, Key: author}, 0
		}
		_, ca, cb := memPair(t, 1, memnet.Link{})
		la, lb := pair(t, a, b, ca, cb)
		ha, hb := newRecorder(t), newRecorder(t)
		var came []bool // whether it was the peer's own
		hb.onRecord = func(r *record.Record) {
			time.Sleep(time.Millisecond)
			came = append(came, r.Author() == a.id.Key())
		}
		la.Start(ha, nil)
		lb.Start(hb, nil)
		flood, own := newAuthor(t, flooder.id), newAuthor(t, a.id)
		for range 40 {
			if !la.Relay(encode(t, onWire(flood.say(t, strings.Repeat("flood ", 1300)))), fair.Flow{Key: flood.id.Key()}, 0) {
				t.Fatal("the flood doesn't fit")
			}
		}
		time.Sleep(2500 * time.Microsecond)
		la.Live(encode(t, onWire(own.say(t, "hello"))))
		time.Sleep(time.Second)
		la.Bye(wire.ByeLeaving)
		<-ha.down
		<-hb.down
		if at := slices.Index(came, true); len(came) != 41 || at < 1 || at > 10 {
			t.Errorf("%d came, the peer's own as number %d", len(came), at)
		}
		if len(asked) != 2 || asked[[2]identity.Key{flooder.id.Key(), a.id.Key()}] == 0 || asked[[2]identity.Key{a.id.Key(), a.id.Key()}] == 0 {
			t.Errorf("flows were asked for as %v", asked)
		}
	})
}
