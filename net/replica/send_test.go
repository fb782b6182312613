package replica

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

func TestSplitText(t *testing.T) {
	for _, c := range []struct {
		text string
		size int
		want []string
	}{
		{"short", 8, []string{"short"}},
		{"", 8, []string{""}},
		{"12345678", 8, []string{"12345678"}},
		{"123456789", 8, []string{"12345678", "9"}},
		{"one\ntwo\nthree", 8, []string{"one\ntwo", "three"}}, // at the last line end that fits
		{"äöüäö", 5, []string{"äö", "üä", "ö"}},               // never within a character
		{"\n\n\n\n", 2, []string{"\n", "\n\n"}},
	} {
		if got := splitText(c.text, c.size); !slices.Equal(got, c.want) {
			t.Errorf("%q in parts of %d is %q, want %q", c.text, c.size, got, c.want)
		}
	}
}

func TestShowControls(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":          "plain\ttext\n",
		"two\r\nlines\r":         "two\nlines␍",
		"\x1b[31mred\x1b[0m":     "␛[31mred␛[0m",
		"nul\x00 del\x7f":        "nul␀ del␡",
		"c1 \u0085 not utf \xff": "c1 \uFFFD not utf \uFFFD",
	} {
		got := ShowControls(in)
		if got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
		if err := record.CheckText(got); err != nil {
			t.Errorf("no record takes %q: %v", got, err)
		}
	}
}

// A message goes to every linked peer and to the peers that speak in cleartext, and the sender sees it at
// once.
func TestSend(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		a.host.mu.plain = 2
		n.link(a, b)
		n.link(a, c)
		pass(time.Second)
		n.say(a, "hello")
		if err := a.Send(record.KindMe, "waves"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		n.expectHeard(a)
		for _, m := range []*member{b, c} {
			said := received[event.Said](m)
			if len(said) != 2 || said[0].Line.Text != "hello" || said[0].Line.Me || !said[1].Line.Me || said[0].Line.FromName != "p0" ||
				said[0].Line.Via != "" || said[0].Line.Own || said[0].Line.History || said[0].Line.Signature != event.Verified {
				t.Errorf("received %+v", said)
			}
			if len(m.host.mu.relayed) != 2 {
				t.Errorf("%d messages were relayed to others", len(m.host.mu.relayed))
			}
		}
		own := received[event.Sent](a)
		if len(own) != 2 || own[0].Peers != 4 || !own[0].Line.Own || own[0].Line.Place.Seq != 1 {
			t.Errorf("sent %+v", own)
		}
		if len(a.host.mu.cleartext) != 2 || len(a.host.mu.relayed) != 0 {
			t.Errorf("%d messages in cleartext, %d relayed", len(a.host.mu.cleartext), len(a.host.mu.relayed))
		}
	})
}

// A text that is too long for a message becomes several; one that is longer than Send takes is refused as
// a whole.
func TestSendLongTexts(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		first, second := strings.Repeat("a", record.MaxText-10), strings.Repeat("b", record.MaxText)
		n.say(a, first+"\n"+second, "   \n", "")
		if err := a.Send(record.KindChat, strings.Repeat("x", maxAtOnce+1)); err == nil || !strings.Contains(err.Error(), "too many") {
			t.Errorf("over 1 MiB: %v", err)
		}
		if err := a.Send(record.KindOpen, "no message"); err == nil {
			t.Error("a kind that has no text was sent")
		}
		pass(time.Second)
		n.expectHeard(b, first, second)
	})
}

// A record is handed on to the neighbours that aren't linked to its author, and to no others.
func TestForward(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, n *net) {
		a, b, c, d := n.members[0], n.members[1], n.members[2], n.members[3]
		n.link(a, b)
		n.link(b, c)
		n.link(a, c)
		n.link(c, d) // d hears of a only by c
		pass(time.Second)
		between := []*testLink{b.links[c.key()], c.links[b.key()]}
		between[0].reset()
		between[1].reset()
		n.say(a, "hello")
		pass(time.Second)
		for _, m := range []*member{b, c, d} {
			n.expectHeard(m, "hello")
		}
		if via := received[event.Said](d)[0].Line.Via; via != c.key().ID().String() {
			t.Errorf("d has it via %q", via)
		}
		if n := len(sent[wire.Record](between[0])) + len(sent[wire.Record](between[1])); n != 0 {
			t.Errorf("%d records were handed on to a neighbour of their author", n)
		}
		if a.delivered() != "2/2" { // d is no peer of a
			t.Errorf("delivered to %s", a.delivered())
		}
	})
}

func TestSendTyping(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		a.SendTyping(true)
		pass(time.Second)
		a.SendTyping(false)
		pass(time.Second)
		got := received[event.Typing](b)
		if len(got) != 2 || !got[0].On || got[1].On || got[0].Peer.Name != "p0" {
			t.Errorf("%+v", got)
		}
		delete(b.host.mu.peers, a.key())
		a.SendTyping(true)
		pass(time.Second)
		if len(received[event.Typing](b)) != 2 {
			t.Error("a peer that the process doesn't know types")
		}
	})
}
