package node

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// A neighbour that sends our own beacons again, each as a new program's, can't fill the screen: each
// address is told of once, and few of them.
func TestOwnBeaconsSentAgain(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		key := p.Self().Key
		sight := func(from netip.Addr) {
			p.finder.onAnnouncement(discovery.Announcement{Kind: discovery.Announce, OwnKey: true, New: true, Source: netip.AddrPortFrom(from, 9999),
				Discovery: wire.Discovery{ID: p.Self().ID, Port: 8080, V: 1, Inst: "00", Key: &key}})
		}
		warnings := func() (texts []string) {
			synctest.Wait()
			for _, n := range told[event.Notice](&p.ear) {
				if strings.HasPrefix(n.Text, "another program with your key is at ") {
					texts = append(texts, n.Text)
				}
			}
			return texts
		}
		for range 100 {
			sight(addr(7))
		}
		if got := warnings(); !slices.Equal(got, []string{"another program with your key is at 10.0.0.8"}) {
			t.Errorf("%q", got)
		}
		for i := range 100 {
			sight(addr(i))
		}
		if got := len(warnings()); got != maxCopies {
			t.Errorf("%d warnings, want %d", got, maxCopies)
		}
	})
}
