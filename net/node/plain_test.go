package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Two native peers, a guest at each and a program of the seed's hold one conversation: each line comes
// once to each.
func TestOneConversationWithPlainPeers(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		ps := w.crowd(2)
		bob := w.seed(10, "Bob")
		defer bob.close()
		one, two := w.nc(11, ps[0]), w.nc(12, ps[1])
		defer one.close()
		defer two.close()
		pass(5 * time.Second) // the guests are silent for 3 s
		bob.known()
		for i, p := range ps {
			kinds := map[event.Kind]int{}
			for _, q := range p.Peers() {
				kinds[q.Kind]++
			}
			if s := p.Status(); kinds[event.KindNative] != 1 || kinds[event.KindJSON] != 1 || kinds[event.KindLine] != 1 || s.Peers != 1 || s.Plain != 2 {
				t.Fatalf("p%d: %v, %+v", i, kinds, s)
			}
		}
		one.say("from one")
		pass(time.Second)
		two.say("from two")
		pass(time.Second)
		bob.says("from bob", ps...)
		pass(time.Second)
		for _, p := range ps {
			if err := p.Say("from " + p.Self().Name); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		if err := ps[0].Me("waves"); err != nil {
			t.Fatal(err)
		}
		if err := ps[1].Unsigned("anybody"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		name := func(c *netcat) string { return c.LocalAddr().String() }
		same(t, "p0", ps[0].texts(""), "from one", "from two", "from bob", "from p1", "anybody")
		same(t, "p1", ps[1].texts(""), "from one", "from two", "from bob", "from p0", "waves")
		same(t, "one", one.got(), name(two)+": from two", "Bob: from bob", "p0: from p0", "p1: from p1", "p0: * waves", "p1: anybody")
		same(t, "two", two.got(), name(one)+": from one", "Bob: from bob", "p0: from p0", "p1: from p1", "p0: * waves", "p1: anybody")
		same(t, "Bob", bob.heard(), name(one)+": from one", name(two)+": from two", "p0: from p0", "p1: from p1", "p0: * waves", "p1: anybody")
		for _, l := range append(ps[0].lines(), ps[1].lines()...) {
			native := l.FromName == "p0" || l.FromName == "p1"
			if (l.Signature == event.Verified) != (native && l.Text != "anybody") {
				t.Errorf("%q of %s is %s", l.Text, l.FromName, l.Signature)
			}
		}
		for _, ev := range told[event.Sent](&ps[0].ear) {
			if ev.Peers != 3 {
				t.Errorf("%q was sent to %d peers, not to p1, Bob and one", ev.Line.Text, ev.Peers)
			}
		}
	})
}

// Under secure-only nothing in clear goes in or out; the connections stay, each guest is told once why,
// and what is refused is counted for each sender.
func TestSecureOnlySilencesPlainPeers(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		ps := w.crowd(2)
		bob := w.seed(10, "Bob")
		defer bob.close()
		guest := w.nc(11, ps[0])
		defer guest.close()
		pass(5 * time.Second)
		bob.known()
		draft, err := ps[0].Preview(wishOn)
		if err != nil || draft.Silenced != 2 {
			t.Fatalf("%+v, %v", draft, err)
		}
		switchOn(t, ps)
		guest.say("once")
		guest.say("twice")
		bob.says("thrice", ps...)
		if err := ps[0].Say("secret"); err != nil {
			t.Fatal(err)
		}
		if err := ps[1].Say("another"); err != nil {
			t.Fatal(err)
		}
		late := w.nc(12, ps[0])
		defer late.close()
		pass(5 * time.Second)
		why := "p2pchat: unsigned lines refused · policy #1: nothing that you write is heard, and nothing that is said is written to you"
		same(t, "the guest", guest.got(), why)
		same(t, "who came later", late.got(), why)
		same(t, "Bob", bob.heard())
		same(t, "p0", ps[0].texts(""), "another")
		same(t, "p1", ps[1].texts(""), "secret")
		counts := map[string]int{}
		for _, r := range told[event.Refused](&ps[0].ear) {
			if !strings.Contains(r.Reason, "policy #1") {
				t.Errorf("%+v", r)
			}
			counts[r.From] = r.Count
		}
		if d := cmp.Diff(map[string]int{addr(11).String(): 2, addr(10).String(): 1}, counts); d != "" {
			t.Error(d)
		}
		off := propose(t, ps[0], vote.Wish{Slot: vote.SecureOnly, Action: vote.Off})
		pass(time.Second)
		cast(t, ps[1], off.Label, vote.Approve)
		pass(time.Second)
		bob.known()
		if err := ps[0].Say("open again"); err != nil {
			t.Fatal(err)
		}
		guest.say("me too")
		pass(time.Second)
		same(t, "the guest", guest.got(), why, "p2pchat: lines are heard again", "p0: open again")
		same(t, "Bob", bob.heard(), "p0: open again", guest.LocalAddr().String()+": me too")
		same(t, "p1", ps[1].texts(""), "secret", "open again", "me too")
	})
}

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
		pass(time.Second)
		same(t, "the victim", victim.heard())
		if got := len(mallory.heard()); got != 20 {
			t.Errorf("%d lines went to where the beacons came from", got)
		}
	})
}

// Before the policy is known nothing goes out in clear; then what was said goes.
func TestTheGateHoldsWhatIsInClear(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		bob := w.seed(10, "Bob")
		defer bob.close()
		bob.known()
		p.Node.mu.Lock()
		p.learning = time.Now() // as if a first peer had come, who has yet to tell its votes
		p.Node.mu.Unlock()
		if err := p.Say("early"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		same(t, "Bob at once", bob.heard())
		pass(gateFor + 2*time.Second)
		same(t, "Bob", bob.heard(), "p0: early")
	})
}

// A peer is reached by what one names: lines and JSON, over and over; and let go of by Disconnect.
func TestConnectInClear(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		var reached []string
		var forgotten []string
		var mu sync.Mutex
		p := w.move(0, func(c *Config) {
			c.NoDiscovery, c.Transport = true, nil
			c.Connect = []string{"json://10.0.0.11:8080"}
			c.Remembered = []string{"10.0.0.99:8080", "json://10.0.0.11:8080"}
			c.Reached = func(a string) { mu.Lock(); defer mu.Unlock(); reached = append(reached, a) }
			c.Forget = func(a string) { mu.Lock(); defer mu.Unlock(); forgotten = append(forgotten, a) }
		})
		bob := w.seed(10, "Bob")
		defer bob.close()
		chat, err := w.net.Host(addr(12)).Listen(t.Context(), "tcp", ":7000")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Connect("line://10.0.0.13:7000"); err != nil {
			t.Fatal(err)
		}
		if err := p.Connect("line://10.0.0.13"); err == nil {
			t.Error("an address without port")
		}
		conn, err := chat.Accept()
		if err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second)
		if err := p.Say("hello"); err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "hi\n")
		pass(time.Second)
		row, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || row != "p0: hello\n" {
			t.Errorf("%q, %v", row, err)
		}
		same(t, "Bob", bob.heard(), "Discovery", "p0: hello", "10.0.0.13:7000: hi")
		same(t, "p0", p.texts(""), "hi")
		for _, q := range p.Peers() {
			if err := p.Disconnect(q.ID); err != nil {
				t.Error(err)
			}
		}
		pass(30 * time.Second)
		if peers := p.Peers(); len(peers) != 0 {
			t.Errorf("%+v", peers)
		}
		conn.Close()
		chat.Close()
		if err := p.Disconnect("nobody"); err == nil {
			t.Error("disconnected from nobody")
		}
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(reached)
		if got := slices.Compact(reached); !slices.Equal(got, []string{"json://10.0.0.11:8080", "line://10.0.0.13:7000"}) {
			t.Errorf("reached %q", got)
		}
		if !slices.Contains(forgotten, "json://10.0.0.11:8080") || !slices.Contains(forgotten, "line://10.0.0.13:7000") {
			t.Errorf("forgotten %q", forgotten)
		}
		for _, notice := range told[event.Notice](&p.ear) {
			if strings.Contains(notice.Text, "10.0.0.99") {
				t.Errorf("an address of earlier that isn't there is a warning: %+v", notice)
			}
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

// A line of many pieces, and many lines at once, come whole and in order; the end waits for them.
func TestPlainPeersGetAllInOrder(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		bob := w.seed(10, "Bob")
		defer bob.close()
		bob.known()
		long := strings.Repeat("0123456789", 300)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Say(long); err != nil {
			t.Fatal(err)
		}
		for i := range 5000 {
			if err := p.WaitWritable(ctx); err != nil {
				t.Fatal(err)
			}
			if err := p.Say(fmt.Sprintf("<%d>", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.WaitDelivered(ctx); err != nil {
			t.Fatal(err)
		}
		want := long
		for i := range 5000 {
			want += fmt.Sprintf("<%d>", i)
		}
		var got strings.Builder
		for _, piece := range bob.heard() {
			got.WriteString(strings.TrimPrefix(piece, "p0: "))
		}
		if got.String() != want {
			t.Errorf("%d bytes came, want %d", got.Len(), len(want))
		}
	})
}

// What a neighbour says of its guest makes that nobody who is known by key.
func TestANeighboursGuestPassesForNobody(t *testing.T) {
	together(t, 1, 3, func(t *testing.T, w *town, ps []*person) {
		via := ps[1].Self().Key
		n := ps[1].Node
		for _, id := range []string{ps[0].Self().ID, ps[1].Self().ID, ps[2].Self().ID, strings.Repeat("x", 1000)} {
			n.mu.Lock()
			n.send(n.peers[ps[0].Self().Key].link, wire.Chat{FromID: id, FromName: strings.Repeat("n", 1000), Content: "hi", Via: &via})
			n.mu.Unlock()
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

// A guest that says much, and an /unsigned for each line of a pipe, lose nothing on the way to anybody.
func TestAFloodInClearLosesNothing(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		ps := w.crowd(2)
		bob := w.seed(10, "Bob")
		defer bob.close()
		listener := w.nc(11, ps[1])
		defer listener.close()
		pass(5 * time.Second)
		bob.known()
		flood := w.nc(12, ps[0])
		defer flood.close()
		const lines = 5000
		var text strings.Builder
		for i := range lines {
			fmt.Fprintf(&text, "<%d>\n", i)
		}
		io.WriteString(flood, text.String())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i := range lines {
			if err := ps[1].WaitWritable(ctx); err != nil {
				t.Fatal(err)
			}
			if err := ps[1].Unsigned(fmt.Sprintf("{%d}", i)); err != nil {
				t.Fatal(err)
			}
		}
		pass(30 * time.Second)
		whole := func(who string, got []string, left, right string) {
			t.Helper()
			n := 0
			for _, g := range got {
				if i := strings.LastIndex(g, left); i >= 0 && strings.HasSuffix(g, right) {
					if g[i:] != fmt.Sprint(left, n, right) {
						t.Fatalf("%s: %s is line %d", who, g, n)
					}
					n++
				}
			}
			if n != lines {
				t.Errorf("%s got %d of %d lines %s%s", who, n, lines, left, right)
			}
		}
		whole("p0", ps[0].texts(""), "<", ">")
		whole("p0", ps[0].texts(""), "{", "}")
		whole("p1", ps[1].texts(""), "<", ">")
		whole("the listener", listener.got(), "<", ">")
		whole("the listener", listener.got(), "{", "}")
		whole("Bob", bob.heard(), "<", ">")
		whole("Bob", bob.heard(), "{", "}")
	})
}
