package lines

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
)

// Questions take their line and nothing behind it.
func TestQuestion(t *testing.T) {
	in := strings.NewReader(" 10.0.0.7:8080 \r\n\nrest of the input")
	var out strings.Builder
	for _, want := range []string{"10.0.0.7:8080", ""} {
		if got, err := Ask(in, &out, "where? "); got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if rest, _ := io.ReadAll(in); string(rest) != "rest of the input" || out.String() != "where? where? " {
		t.Errorf("left %q, asked %q", rest, out.String())
	}
	if got, err := Ask(strings.NewReader("no newline"), &out, ""); got != "no newline" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Ask(strings.NewReader(strings.Repeat("x", 2000)), &out, ""); err == nil {
		t.Error("an endless answer")
	}
	if _, err := Ask(iotest.ErrReader(errors.New("gone")), &out, ""); err == nil {
		t.Error("an input that fails")
	}
}

// The words of the two-person program, for who waits and for who connects, and with a third.
func TestTheTwoPersonConversation(t *testing.T) {
	guest := event.Peer{ID: "9", Name: "10.0.0.8:5000", Kind: event.KindLine, State: event.Up, Addr: netip.MustParseAddrPort("[::ffff:10.0.0.8]:5000")}
	hello := said(guest, "hello")
	hello.Line.Signature = event.Unsigned
	bob := person(2, "Bob")
	script := []event.Event{
		event.PeerChanged{Peer: guest},
		hello,
		event.Sent{Line: event.Line{ID: "1", Text: "mine", Own: true}, Peers: 1},
		event.PeerChanged{Peer: bob},
		said(bob, "two\nlines"),
		hello,
		event.PeerChanged{Peer: as(guest, event.Left)},
		said(bob, "only I"),
		event.PeerChanged{Peer: as(bob, event.Lost)},
		event.Sent{Line: event.Line{ID: "2", Text: "mine", Own: true}},
		event.Notice{Level: event.Info, Text: "something else"},
	}
	rest := "Peer: hello\nX\nBob: two\n   lines\n10.0.0.8:5000: hello\n👋 10.0.0.8:5000 left\nPeer: only I\nPeer disconnected\n" +
		"📭 No one is here to read it yet\nℹ️  something else\n"
	for first, c := range map[string]struct {
		talk *TwoPerson
		then string
	}{
		"Listening on: 0.0.0.0:8080\nWaiting for peer to connect...\nPeer connected from: 10.0.0.8:5000\n": {&TwoPerson{}, "Peer connected from: 192.168.1.102:8081"},
		"Connecting to bob...\nPeer connected from: 10.0.0.8:5000\n":                                       {&TwoPerson{Peer: "bob", Is: func(p event.Peer) bool { return p.Name == "Bob" }}, "Connected to peer!"},
	} {
		r := start(Config{In: strings.NewReader(""), TwoPerson: c.talk})
		r.mode.Post(event.Ready{Self: self()})
		for _, ev := range script {
			r.mode.Post(ev)
		}
		r.stop(t)
		want := first + strings.Replace(rest, "X", c.then, 1)
		if d := cmp.Diff(want, r.out.String()); d != "" {
			t.Error(d)
		}
	}
}
