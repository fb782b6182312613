package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
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
		off := propose(t, ps[0], vote.Draft{Slot: vote.SecureOnly, Action: vote.Off})
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

// Before the policy is known nothing goes out in clear; then what was said goes.
func TestTheGateHoldsWhatIsInClear(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		bob := w.seed(10, "Bob")
		defer bob.close()
		bob.known()
		p.cleartext.onNativeLinked(true) // as if a first peer had come, which has yet to say its votes
		other := noLink(identity.FromSeed([32]byte{99}).Key())
		p.PrepareLink(other, wire.InRoom{Policy: &wire.Policy{Votes: "other"}})()
		if err := p.Say("early"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		same(t, "Bob at once", bob.heard())
		pass(5 * time.Second)
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

// A guest that says much, and an /unsigned for each line of a pipe, lose nothing on the way to anyone.
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
