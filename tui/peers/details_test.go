package peers

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"chat.lan/p2pchat/net/event"
)

// details returns the details of the only peer, without styles.
func details(peer event.Peer, now time.Time, width int) string {
	p := newPane(26, 6)
	p.set(peer)
	p.at = peer.ID
	p.now = now
	return ansi.Strip(strings.Join(p.DetailRows(width), "\n"))
}

func TestDetailsWithoutASelection(t *testing.T) {
	if rows := newPane(26, 6).DetailRows(60); rows != nil {
		t.Errorf("no peer is selected, and the details are %q", rows)
	}
}

// The first row says how far the peer can be trusted, and the state for how long it has lasted.
func TestDetailsByTrustAndState(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*event.Peer)
		want   []string
		not    string
	}{
		{"not compared", func(*event.Peer) {}, []string{"bob  encrypted, not verified yet", "here for 2 h 3 min", "0 B in, 0 B out"}, "round trip"},
		{"compared", func(p *event.Peer) { p.Verified, p.RTT = true, 101*time.Millisecond }, []string{"bob  ✓ verified", "round trip   101 ms"}, "not verified"},
		{"cleartext", func(p *event.Peer) { p.Kind = event.KindJSON }, []string{"not encrypted, not signed"}, "verified"},
		{"under a verified person's name", func(p *event.Peer) { p.Kind, p.HeldBack = event.KindJSON, true }, []string{"not encrypted, not signed", "messages     gets only /unsigned"}, "✓"},
		{"late", func(p *event.Peer) { p.State = event.Late }, []string{"late: nothing heard for 2 h 3 min"}, "here"},
		{"relayed", func(p *event.Peer) { p.State = event.Relayed }, []string{"here, reached through others"}, "left"},
		{"left", func(p *event.Peer) { p.State = event.Left }, []string{"left, gone for 2 h 3 min"}, "here for"},
		{"lost at an unknown time", func(p *event.Peer) { p.State, p.Changed = event.Lost, time.Time{} }, []string{"state        lost"}, "lost for"},
		{"without an address", func(p *event.Peer) { p.Addr = netip.AddrPort{} }, []string{"address      unknown"}, "10.0.0.7"},
		{"with traffic", func(p *event.Peer) { p.In, p.Out = 999, 45_600 }, []string{"999 B in, 45.6 kB out"}, "MB"},
	} {
		peer := testPeer("bob")
		c.change(&peer)
		text := details(peer, noon.Add(2*time.Hour+3*time.Minute), 60)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the details lack %q:\n%s", c.name, want, text)
			}
		}
		if strings.Contains(text, c.not) {
			t.Errorf("%s: the details have %q:\n%s", c.name, c.not, text)
		}
	}
}

// In a narrow window the fingerprint wraps under its label and loses no word.
func TestDetailsWrapWhole(t *testing.T) {
	bob := testPeer("bob")
	for _, width := range []int{24, 30, 40, 60, 100} {
		text := details(bob, noon, width)
		for _, row := range strings.Split(text, "\n") {
			if w := ansi.StringWidth(row); w > width {
				t.Errorf("in %d cells a row takes %d: %q", width, w, row)
			}
		}
		joined := strings.Join(strings.Fields(text), "")
		if want := strings.ReplaceAll(bob.Key.Fingerprint(), " ", ""); !strings.Contains(joined, want) {
			t.Errorf("in %d cells the words are cut:\n%s", width, text)
		}
		if !strings.Contains(joined, bob.Key.String()) {
			t.Errorf("in %d cells the key is cut:\n%s", width, text)
		}
	}
}
