package peers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/theme"
)

// A row keeps its note and its tick at any width; the name is what gets shorter.
func TestRowAtWidths(t *testing.T) {
	for _, c := range []struct {
		width int
		want  string
	}{
		{60, " ● a peer with a rather long name                 ✓ 12.5 ms"},
		{26, " ● a peer with… ✓ 12.5 ms"},
		{20, " ● a pee… ✓ 12.5 ms"},
		{16, " ● a… ✓ 12.5 ms"},
	} {
		p := newPane(c.width, 3)
		peer := testPeer("a peer with a rather long name")
		peer.Verified, peer.RTT = true, 12500*time.Microsecond
		p.set(peer)
		if got := p.text()[2]; got != c.want {
			t.Errorf("in %d cells the row is\n%q, want\n%q", c.width, got, c.want)
		}
	}
}

// What a row notes is the worst that is known about the connection.
func TestNoteByState(t *testing.T) {
	ago := func(d time.Duration) func(*event.Peer) {
		return func(p *event.Peer) { p.Changed = noon.Add(-d) }
	}
	for _, c := range []struct {
		name   string
		change []func(*event.Peer)
		want   string
	}{
		{"up", nil, " ● bob -"},
		{"measured", []func(*event.Peer){func(p *event.Peer) { p.RTT = 2 * time.Millisecond }}, " ● bob 2.0 ms"},
		{"late", []func(*event.Peer){func(p *event.Peer) { p.State, p.RTT = event.Late, time.Millisecond }}, " ◐ bob late"},
		{"relayed", []func(*event.Peer){func(p *event.Peer) { p.State = event.Relayed }}, " ● bob relayed"},
		{"ignored and late", []func(*event.Peer){func(p *event.Peer) { p.State, p.Ignored = event.Late, true }}, " ◐ bob ignored"},
		{"cleartext", []func(*event.Peer){func(p *event.Peer) { p.Kind = event.KindJSON }}, " ● bob plain"},
		{"under a verified person's name", []func(*event.Peer){func(p *event.Peer) { p.Kind, p.HeldBack = event.KindJSON, true }}, " ● bob·ecc1 no key"},
		{"left just now", []func(*event.Peer){func(p *event.Peer) { p.State = event.Left }, ago(59 * time.Second)}, " ○ bob left"},
		{"lost a while ago", []func(*event.Peer){func(p *event.Peer) { p.State = event.Lost }, ago(9 * time.Minute)}, " ○ bob lost 9 min"},
	} {
		p := newPane(26, 3)
		bob := testPeer("bob")
		for _, change := range c.change {
			change(&bob)
		}
		p.set(bob)
		if got := strings.Join(strings.Fields(p.text()[2]), " "); got != strings.TrimSpace(c.want) {
			t.Errorf("%s: the row is %q, want %q", c.name, got, c.want)
		}
	}
}

// A tick says that the keys were compared. A peer that has gone has none: its row is about that.
func TestTickNeedsAPresentPeer(t *testing.T) {
	p := newPane(26, 3)
	bob := testPeer("bob")
	bob.Verified = true
	p.set(bob)
	if got := p.text()[2]; !strings.Contains(got, "✓") {
		t.Errorf("a verified peer has no tick: %q", got)
	}
	bob.State = event.Lost
	p.set(bob)
	if got := p.text()[2]; strings.Contains(got, "✓") {
		t.Errorf("a lost peer has a tick: %q", got)
	}
}

func TestPresentPeersComeFirst(t *testing.T) {
	p := newPane(26, 8)
	zoe, adam, eve, late := testPeer("zoe"), testPeer("adam"), testPeer("Eve"), testPeer("late")
	p.set(zoe, adam, eve, late)
	adam.State, late.State = event.Lost, event.Late
	p.set(adam, late)
	names := func() (out []string) {
		for _, row := range p.text()[2:] {
			if f := strings.Fields(row); len(f) > 1 {
				out = append(out, f[1])
			}
		}
		return out
	}
	if diff := cmp.Diff([]string{"Eve", "late", "zoe", "adam"}, names()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	zoe.Name = "Anna"
	p.set(zoe)
	if diff := cmp.Diff([]string{"Anna", "Eve", "late", "adam"}, names()); diff != "" {
		t.Errorf("after a new name (-want +got)\n%s", diff)
	}
}

func TestTitleCountsPeers(t *testing.T) {
	p := newPane(26, 5)
	title := func() string { return p.text()[0] }
	plain := func() int {
		_, n := p.Count()
		return n
	}
	if got := title(); got != " Peers 0" {
		t.Errorf("an empty pane has the title %q", got)
	}
	a, b := testPeer("a"), testPeer("b")
	b.Kind = event.KindLine
	p.set(a, b)
	if got := title(); got != " Peers 2" || plain() != 1 {
		t.Errorf("two peers have the title %q, %d of them cleartext", got, plain())
	}
	b.State = event.Left
	p.set(b)
	if got := title(); got != " Peers 1 of 2 here" || plain() != 0 {
		t.Errorf("after a peer left the title is %q, %d cleartext", got, plain())
	}
	p.SetFocus(true)
	if got := title(); !strings.HasPrefix(got, "▍Peers") {
		t.Errorf("with the focus the title is %q", got)
	}
}

func TestEmptyPaneSaysWhatHappensNext(t *testing.T) {
	p := newPane(26, 6)
	want := []string{" Peers 0", " · Alice (you)", "   No one yet. People", "   appear here", "   automatically.", ""}
	if diff := cmp.Diff(want, p.text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	p.set(testPeer("bob"))
	if got := strings.Join(p.text(), "\n"); strings.Contains(got, "No one yet") {
		t.Errorf("the hint stays when a peer is here:\n%s", got)
	}
}

// Low panes drop peers first, then the local peer, and never the title.
func TestLowPanes(t *testing.T) {
	for h, want := range [][]string{{}, {" Peers 2"}, {" Peers 2", " · Alice (you)"}, {" Peers 2", " · Alice (you)", " ● a                    -"}} {
		p := newPane(26, h)
		p.set(testPeer("a"), testPeer("b"))
		if diff := cmp.Diff(want, p.text()); diff != "" {
			t.Errorf("%d rows (-want +got)\n%s", h, diff)
		}
	}
}

// Without the focus the list doesn't scroll to the selection, and nothing is marked.
func TestSelectionShowsOnlyWithTheFocus(t *testing.T) {
	p := newPane(26, 4)
	for i := range 6 {
		p.set(testPeer(fmt.Sprint("peer", i)))
	}
	p.SetFocus(true)
	p.MoveSelection(5)
	if got := strings.Join(p.text(), "\n"); !strings.Contains(got, "▸● peer5") {
		t.Errorf("the selection isn't shown:\n%s", got)
	}
	p.SetFocus(false)
	if got := strings.Join(p.text(), "\n"); strings.Contains(got, "▸") {
		t.Errorf("a selection is marked without the focus:\n%s", got)
	}
	if got, ok := p.Selected(); !ok || got.Name != "peer5" {
		t.Errorf("without the focus %q is selected", got.Name)
	}
}

// Under NO_COLOR rows have no control sequence at all, and with ASCII no glyph beyond it.
func TestNoColourAndASCII(t *testing.T) {
	p := newPane(30, 6)
	p.SetTheme(theme.New(theme.Look{Profile: termenv.Ascii, ASCII: true}))
	bob, lost := testPeer("bob"), testPeer("lost")
	bob.Verified, lost.State = true, event.Lost
	p.set(bob, lost)
	p.SetFocus(true)
	for _, row := range append(p.Rows(), p.DetailRows(40)...) {
		for _, r := range row {
			if r < ' ' || r > '~' {
				t.Errorf("%q has %q in it", row, r)
			}
		}
	}
	p.SetTheme(theme.New(theme.Look{Profile: termenv.ANSI256}))
	if rows := strings.Join(p.Rows(), "\n"); !strings.Contains(rows, "\x1b[") || !strings.Contains(ansi.Strip(rows), "●") {
		t.Errorf("with colours the rows are %q", rows)
	}
}
