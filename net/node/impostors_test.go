package node

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/net/wire"
)

// openKnown returns what a profile in a folder remembers. The profile is closed at the end of the test, or before.
func openKnown(t *testing.T, dir string) (*profile.Known, func()) {
	t.Helper()
	p, err := profile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	shut := func() {
		if !closed {
			closed = true
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(shut)
	return p.Known(), shut
}

// alarms returns the texts of alarms so far, and the hints.
func (p *person) alarms() (texts, hints []string) {
	for _, n := range told[event.Notice](&p.ear) {
		if n.Level == event.Alarm {
			texts, hints = append(texts, n.Text), append(hints, n.Hint)
		}
	}
	return texts, hints
}

// lastSent returns how many peers our last message was sent to.
func (p *person) lastSent() int {
	all := told[event.Sent](&p.ear)
	return all[len(all)-1].Peers
}

// Two who verified each other don't talk in clear when somebody cuts their link and is there without a key under the
// name of one of them, a day later too. What is said with /unsigned goes out.
func TestImpostorOfAVerifiedPerson(t *testing.T) {
	dir := t.TempDir()
	inTown(t, 1, func(t *testing.T, w *town) {
		known, shut := openKnown(t, dir)
		withProfile := func(cfg *Config) { cfg.Known = known }
		p, bob := w.move(0, withProfile), w.move(1)
		pass(5 * time.Second)
		if err := p.Verify(bob.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		bob.leave()
		p.leave()
		shut()
		pass(24 * time.Hour)

		known, _ = openKnown(t, dir)
		p = w.move(0, withProfile)
		mallory := w.seed(10, "P1") // another case, so another name for a program
		defer mallory.close()
		mallory.known()
		pass(3 * time.Second)
		texts, hints := p.alarms()
		want := "P1 at 10.0.0.11:8080 is unencrypted and may not be the p1 you verified (" + bob.Self().Key.Short() + "); it gets nothing that you write"
		if len(texts) != 1 || texts[0] != want || hints[0] != "/unsigned TEXT writes to it anyway" {
			t.Errorf("alarms %q, %q", texts, hints)
		}
		for i := range 3 {
			if err := p.Say(fmt.Sprint("secret ", i)); err != nil {
				t.Fatal(err)
			}
			pass(3 * time.Second)
			if n := p.lastSent(); n != 0 {
				t.Errorf("sent to %d", n)
			}
		}
		same(t, "the impostor", mallory.heard())
		held := slices.DeleteFunc(told[event.Notice](&p.ear), func(n event.Notice) bool { return !strings.Contains(n.Text, "doesn't go to P1") })
		if len(held) != 1 || held[0].Level != event.Warning || held[0].Hint != "/unsigned TEXT writes to it anyway" {
			t.Errorf("what was held back is said by %+v", held)
		}
		if err := p.Unsigned("who are you?"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		same(t, "the impostor", mallory.heard(), "p0: who are you?")
		if n := p.lastSent(); n != 1 {
			t.Errorf("sent to %d", n)
		}
		peers := p.Peers()
		if len(peers) != 1 || !peers[0].HeldBack {
			t.Errorf("%+v", peers)
		}
	})
}

// The name of a person who is known, though not verified, raises an alarm; what is said goes there. Once that person
// is verified it doesn't, and there is an alarm again.
func TestImpostorOfAKnownPerson(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		known, _ := openKnown(t, t.TempDir())
		p := w.move(0, func(cfg *Config) { cfg.Known = known })
		bob := w.move(1)
		stranger := w.move(2)
		pass(5 * time.Second)
		if err := p.Trust(bob.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		mallory, namesake := w.seed(10, "p1"), w.seed(11, "p2")
		defer mallory.close()
		defer namesake.close()
		mallory.known()
		namesake.known()
		if texts, hints := p.alarms(); len(texts) != 1 || !strings.HasPrefix(texts[0], "p1 at 10.0.0.11:8080 is unencrypted and may not be the p1 you know") || !strings.HasPrefix(hints[0], "/verify p1 ") {
			t.Errorf("alarms %q, %q", texts, hints)
		}
		if err := p.Say("hello"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		same(t, "the impostor", mallory.heard(), "p0: hello")
		if err := p.Verify(bob.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if texts, _ := p.alarms(); len(texts) != 2 || !strings.Contains(texts[1], "verified") {
			t.Errorf("alarms %q", texts)
		}
		if err := p.Say("secret"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		same(t, "the impostor", mallory.heard(), "p0: hello")
		same(t, "the stranger's namesake", namesake.heard(), "p0: hello", "p0: secret")
		same(t, "bob", bob.texts("p0"), "hello", "secret")
		if err := p.Verify(bob.Self().ID, false); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if err := p.Say("again"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		same(t, "the impostor", mallory.heard(), "p0: hello", "p0: again")
		_ = stranger
	})
}

// A message in clear under a known name raises an alarm too, whoever sends it, and so does that of a neighbour's guest.
// However many addresses there are, the alarms stay few.
func TestAlarmsAboutMessages(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		known, _ := openKnown(t, t.TempDir())
		p := w.move(0, func(cfg *Config) { cfg.Known = known })
		bob, carol := w.move(1), w.move(2)
		pass(5 * time.Second)
		if err := p.Trust(bob.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		via := carol.Self().Key
		sendRaw(t, carol.Node, p.Self().Key, wire.Chat{FromID: "x", FromName: "p1", Content: "hi", Via: &via})
		pass(time.Second)
		if texts, _ := p.alarms(); len(texts) != 1 {
			t.Errorf("alarms about a neighbour's guest: %q", texts)
		}
		mallory := w.seed(10, "mallory")
		defer mallory.close()
		mallory.known()
		mallory.name = "p1"
		for range 3 {
			mallory.says("it is me", p)
		}
		pass(time.Second)
		if texts, _ := p.alarms(); len(texts) != 2 {
			t.Errorf("alarms about a writer: %q", texts)
		}
		for i := range 30 {
			other := w.net.Host(addr(20 + i)).Packets()
			other.Broadcast(func(from netip.Addr) []byte {
				return fmt.Appendf(nil, `{"Discovery":{"id":"%d","name":"p1","ip":%q,"port":8080}}`, i, from)
			})
			other.Close()
			pass(time.Second)
		}
		if texts, _ := p.alarms(); len(texts) != alarmsOfName {
			t.Errorf("%d alarms within half a minute", len(texts))
		}
	})
}

// What is remembered of alarms is bounded.
func TestAlarmsAreBounded(t *testing.T) {
	i := newImpostors(nil)
	for n := range 3 * maxAlarmed {
		if !i.mayAlarm(alarmed{claim: fmt.Sprint(n)}) {
			t.Fatalf("no alarm about name %d", n)
		}
	}
	if len(i.mu.alarmed) > maxAlarmed || len(i.mu.lately) > maxAlarmed {
		t.Errorf("%d and %d are remembered", len(i.mu.alarmed), len(i.mu.lately))
	}
}

// A line client that reads along is reported once for each address, silent or not.
func TestReadersAlong(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0)
		for range 2 {
			silent, speaks := w.nc(11, p), w.nc(12, p)
			speaks.say("hello")
			pass(4 * time.Second)
			silent.close()
			speaks.close()
			pass(time.Second)
		}
		want := []event.Notice{
			{Level: event.Warning, Text: "10.0.0.13 reads along, unencrypted", Hint: "--plain-peers off keeps such programs out"},
			{Level: event.Warning, Text: "10.0.0.12 reads along, unencrypted", Hint: "--plain-peers off keeps such programs out"},
		}
		if got := told[event.Notice](&p.ear); !slices.Equal(got, want) {
			t.Errorf("%+v", got)
		}
	})
}

// The key that a name leads to is that of the verified person of that name, before one who is only known.
func TestNamesakeIsTheVerifiedOne(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		known, _ := openKnown(t, t.TempDir())
		p := w.move(0, func(cfg *Config) { cfg.Known = known })
		one := w.move(1, func(cfg *Config) { cfg.Name = "Verity" })
		two := w.move(2, func(cfg *Config) { cfg.Name = "verity" })
		pass(5 * time.Second)
		find := func(name string, want identity.Key, verified bool) {
			t.Helper()
			if key, _, is := p.impostors.findNamesake(name); key != want || is != verified {
				t.Errorf("%q is %v (%v), want %v", name, key.Short(), is, want.Short())
			}
		}
		find("verity", identity.Key{}, false)
		if err := p.Trust(one.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		find("verity", one.Self().Key, false)
		if err := p.Verify(two.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		find("Verity", two.Self().Key, true)
		find("verity 2", identity.Key{}, false)
		find("p0", identity.Key{}, false) // that is us
	})
}
