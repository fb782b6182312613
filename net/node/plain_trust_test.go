package node

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/wire"
)

// What a plain peer claims never makes it somebody who is known by key, and never makes us send to a third
// party.
func TestPlainPeersCantPassForOthers(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		ps := w.crowd(2)
		mallory := w.seed(10, "p1")
		defer mallory.close()
		victim := w.seed(11, "victim")
		defer victim.close()
		pass(3 * time.Second)
		key := ps[1].Self().Key
		mallory.id = ps[1].Self().ID // a native peer's id, from another address
		mallory.known()
		mallory.says("I am p1", ps[0])
		mallory.send(fmt.Sprintf(`{"IdentityAnnouncement":{"peer_id":%q,"name":"p1","public_key":[1,2,3]}}`, mallory.id), ps[0])
		mallory.send(fmt.Sprintf(`{"Exit":%q}`, mallory.id), ps[0])
		pass(time.Second)
		mallory.id = ps[0].Self().ID // one's own
		mallory.says("I am you", ps[0])
		pass(time.Second)
		for _, l := range ps[0].lines() {
			if l.FromID == ps[1].Self().ID || l.FromID == ps[0].Self().ID || l.From == key || l.Signature != event.Unsigned {
				t.Errorf("%+v", l)
			}
		}
		same(t, "p0", ps[0].texts(""), "I am p1", "I am you")
		if peers := ps[0].Peers(); len(peers) != 1 || peers[0].State != event.Up || peers[0].Kind != event.KindNative {
			t.Errorf("%+v", peers)
		}
		// Beacons that name the victim's address as theirs.
		mallory.id = "e11e0000-0000-4000-8000-000000000000"
		for range 3 {
			mallory.out.Broadcast(func(netip.Addr) []byte {
				return fmt.Appendf(nil, `{"Discovery":{"id":%q,"name":"flood","ip":%q,"port":8080}}`, mallory.id, addr(11))
			})
			pass(time.Second)
		}
		for i := range 20 {
			if err := ps[0].Say(fmt.Sprint("line ", i)); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * time.Second)
		same(t, "the victim", victim.heard())
		if got := len(mallory.heard()); got != 20 {
			t.Errorf("%d lines went to where the beacons came from", got)
		}
	})
}

// An ignored plain peer is told of as such; what isn't allowed is refused, unless it is a beacon.
func TestWhoMayBePlain(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p, off := w.move(0), w.move(1, func(c *Config) { c.PlainPeers = plain.ScopeOff })
		bob := w.seed(10, "Bob")
		defer bob.close()
		bob.known()
		id := ""
		for _, q := range p.Peers() {
			if q.Kind == event.KindJSON {
				id = q.ID
			}
		}
		if err := p.Ignore(id, true); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		changes := told[event.PeerChanged](&p.ear)
		if last := changes[len(changes)-1].Peer; last.ID != id || !last.Ignored {
			t.Errorf("%+v", last)
		}
		if refused := told[event.Refused](&off.ear); len(refused) != 0 {
			t.Errorf("a beacon was refused: %+v", refused)
		}
		bob.says("hello", p, off)
		guest := w.nc(11, off)
		guest.say("hello")
		pass(time.Second)
		guest.close()
		same(t, "p0", p.texts(""), "hello")
		same(t, "p1", off.texts(""))
		if refused := told[event.Refused](&off.ear); len(refused) != 2 || len(off.Peers()) != 1 {
			t.Errorf("%+v; %+v", refused, off.Peers())
		}
		if err := off.Say("hello"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		same(t, "Bob", bob.heard())
	})
}

// What a neighbour says of its guest makes that no one who is known by key.
func TestANeighboursGuestPassesForNobody(t *testing.T) {
	together(t, 1, 3, func(t *testing.T, w *town, ps []*person) {
		via := ps[1].Self().Key
		n := ps[1].Node
		for _, id := range []string{ps[0].Self().ID, ps[1].Self().ID, ps[2].Self().ID, strings.Repeat("x", 1000)} {
			sendRaw(t, n, ps[0].Self().Key, wire.Chat{FromID: id, FromName: strings.Repeat("n", 1000), Content: "hi", Via: &via})
			pass(time.Second)
			l := ps[0].lines()[len(ps[0].lines())-1]
			if l.FromID == id || len(l.FromID) > 64 || len(l.FromName) > maxGuestName || l.Via != ps[1].Self().ID || l.Signature != event.Unsigned || !l.From.IsZero() {
				t.Errorf("%.20q was shown as %+v", id, l)
			}
		}
		if got := len(ps[0].lines()); got != 4 {
			t.Errorf("%d lines", got)
		}
	})
}

// Nothing goes in clear to the address of a native peer, whoever is said to be there.
func TestNothingInClearToANativeAddress(t *testing.T) {
	together(t, 1, 2, func(t *testing.T, w *town, ps []*person) {
		out := ps[1].host.Packets()
		defer out.Close()
		for range 3 {
			out.Broadcast(func(from netip.Addr) []byte {
				return fmt.Appendf(nil, `{"Discovery":{"id":"5eed0000-0000-4000-8000-000000000009","name":"Bob","ip":%q,"port":8080}}`, from)
			})
			pass(time.Second)
		}
		if err := ps[0].Say("to p1 alone"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if s := told[event.Sent](&ps[0].ear); ps[0].Status().Plain != 0 || len(s) != 1 || s[0].Peers != 1 {
			t.Errorf("%d plain peers; sent %+v", ps[0].Status().Plain, s)
		}
	})
}

// A printer that a stranger's beacons announce gets nothing: its host takes no beacons. The user reads so, with the
// next step, and that step works.
func TestForgedBeaconsOfAPrinter(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		printer := w.seed(9, "printer")
		defer printer.close()
		printer.known()
		printer.out.Close() // the beacons weren't its own
		pass(time.Second)
		for range 2 {
			if err := p.Say("secret"); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Second)
		}
		same(t, "the printer", printer.heard())
		said := event.Notice{Level: event.Warning, Text: "10.0.0.10 announces a chat but doesn't behave like one", Hint: "/connect json://10.0.0.10:8080 to talk to it anyway"}
		if got := told[event.Notice](&p.ear); len(got) != 1 || got[0] != said {
			t.Errorf("%+v", got)
		}
		if got := told[event.Sent](&p.ear); len(got) != 2 || got[1].Peers != 0 {
			t.Errorf("%+v", got)
		}
		if err := p.Connect("json://10.0.0.10:8080"); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		same(t, "the printer", printer.heard(), "Discovery", "p0: secret", "p0: secret")
	})
}

// What an address that only announced itself doesn't get is said with the next step.
func TestMessagesThatAreGivenUp(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		plainHandler{p.Room.cleartext}.Undelivered(event.Peer{Name: "printer", Addr: netip.MustParseAddrPort("[::ffff:10.0.0.10]:9100")}, 3, fmt.Errorf("%w: it speaks first", plain.ErrUnlike))
		pass(time.Second)
		want := event.Notice{Level: event.Warning, Text: "printer (10.0.0.10:9100) didn't get 3 of the messages: it doesn't behave like a chat: it speaks first", Hint: "/connect json://10.0.0.10:9100 to talk to it anyway"}
		if got := told[event.Notice](&p.ear); len(got) != 1 || got[0] != want {
			t.Errorf("%+v", got)
		}
	})
}
