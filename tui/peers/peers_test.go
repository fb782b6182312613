package peers

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// testPeer returns a peer that is here. Its key is the same in every run.
func testPeer(name string) event.Peer {
	key := identity.FromSeed(sha256.Sum256([]byte(name))).Key()
	return event.Peer{ID: key.ID().String(), Key: key, Name: name, Kind: event.KindNative, State: event.Up, Since: noon, Changed: noon,
		Addr: netip.MustParseAddrPort("10.0.0.7:8080"), Agent: "p2pchat/0.1.0 (linux)"}
}

// pane is a pane with its roster and its clock.
type pane struct {
	*Pane
	book roster.Roster
	now  time.Time
}

func newPane(w, h int) *pane {
	p := &pane{now: noon}
	p.Pane = New(Config{Theme: theme.New(theme.Look{Profile: termenv.Ascii}), Roster: &p.book, Now: func() time.Time { return p.now }})
	p.SetSize(w, h)
	p.SetSelf(event.Self{ID: "me", Name: "Alice"})
	return p
}

func (p *pane) set(peers ...event.Peer) {
	for _, peer := range peers {
		p.book.NotePeer(peer)
		p.SetPeer(peer)
	}
}

func (p *pane) text() []string {
	rows := p.Rows()
	for i := range rows {
		rows[i] = strings.TrimRight(ansi.Strip(rows[i]), " ")
	}
	return rows
}

func TestRows(t *testing.T) {
	p := newPane(26, 12)
	dana, bob, carol, late, lost, plain, ignored := testPeer("dana"), testPeer("Bob"), testPeer("carol with a long name"),
		testPeer("late"), testPeer("lost"), event.Peer{ID: "10.0.0.9:1", Name: "rusty", Kind: event.KindLine, State: event.Up, Changed: noon}, testPeer("noise")
	dana.Verified, dana.RTT = true, 1234*time.Microsecond
	bob.RTT = 148 * time.Millisecond
	carol.Verified, carol.RTT = true, 99949*time.Microsecond
	late.State = event.Late
	lost.State = event.Lost
	ignored.Ignored = true
	p.set(dana, bob, carol, late, lost, plain, ignored)
	p.now = noon.Add(2*time.Minute + 30*time.Second)
	want := []string{
		" Peers 6 of 7 here",
		" · Alice (you)",
		" ● Bob            148 ms",
		" ● carol with … ✓ 99.9 ms",
		" ● dana         ✓  1.2 ms",
		" ◐ late             late",
		" ● noise         ignored",
		" ● rusty           plain",
		" ○ lost        lost 2 min",
		"", "", "",
	}
	got := p.text()
	for i := range want { // only the right end is aligned
		want[i] = strings.Join(strings.Fields(want[i]), " ")
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A round-trip time that changes moves nothing in its row.
func TestRoundTripKeepsItsColumn(t *testing.T) {
	p := newPane(26, 5)
	bob := testPeer("bob")
	ends := map[int]bool{}
	for _, rtt := range []time.Duration{0, 100 * time.Microsecond, 9 * time.Millisecond, 99 * time.Millisecond, 100 * time.Millisecond, 9 * time.Second} {
		bob.RTT = rtt
		p.set(bob)
		row := p.text()[2]
		ends[len([]rune(row))] = true
		if !strings.HasPrefix(row, " ● bob ") {
			t.Errorf("at %v the row is %q", rtt, row)
		}
	}
	if len(ends) != 1 {
		t.Errorf("the numbers end in %d columns", len(ends))
	}
}

func TestSelectionStaysWithItsPeer(t *testing.T) {
	p := newPane(26, 4) // room for two
	for _, name := range []string{"b", "c", "d", "e"} {
		p.set(testPeer(name))
	}
	p.SetFocus(true)
	p.MoveSelection(1)
	if got, _ := p.Selected(); got.Name != "c" {
		t.Fatalf("the second is %q", got.Name)
	}
	p.set(testPeer("a")) // sorts before the others
	if got, _ := p.Selected(); got.Name != "c" {
		t.Errorf("a peer came and the selection went to %q", got.Name)
	}
	p.MoveSelection(10)
	if got := p.text(); !strings.Contains(got[3], "▸● e") {
		t.Errorf("the end is shown as %q", got)
	}
	p.MoveSelection(-10)
	if got := p.text(); !strings.Contains(got[2], "▸● a") {
		t.Errorf("the beginning is shown as %q", got)
	}
}

func TestPeersThatHaveGoneAreDropped(t *testing.T) {
	p := newPane(26, 6)
	bob := testPeer("bob")
	p.set(bob)
	bob.State, bob.Changed = event.Left, noon
	p.set(bob)
	if there, _ := p.Count(); there != 0 || !strings.Contains(p.text()[2], "bob") {
		t.Errorf("%d there, and the pane shows %q", there, p.text())
	}
	p.now = noon.Add(ListGoneFor)
	if got := p.text(); strings.Contains(strings.Join(got, "\n"), "bob") {
		t.Errorf("still listed: %q", got)
	}
	if _, ok := p.Peer(bob.ID); ok {
		t.Error("still held")
	}
}

func TestDetails(t *testing.T) {
	p := newPane(26, 6)
	dana := testPeer("dana")
	dana.Verified, dana.In, dana.Out, dana.RTT = true, 1234567, 890, time.Millisecond
	p.set(dana)
	p.SetFocus(true)
	p.now = noon.Add(90 * time.Second)
	text := ansi.Strip(strings.Join(p.DetailRows(60), "\n"))
	for _, want := range []string{"dana  ✓ verified", "10.0.0.7:8080", dana.Key.Fingerprint(), dana.Key.String()[:40], "here for 1 min", "1.2 MB in, 890 B out", "1.0 ms", "p2pchat/0.1.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the details lack %q:\n%s", want, text)
		}
	}
}

// The pane has exactly its rows, and none is too wide, whatever the peers are called.
func TestRowsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 60).Draw(t, "w"), rapid.IntRange(0, 12).Draw(t, "h")
		p := newPane(w, h)
		for i := range rapid.IntRange(0, 15).Draw(t, "peers") {
			peer := testPeer(fmt.Sprint(i))
			peer.Name = rapid.StringOf(rapid.SampledFrom([]rune("ab 日本é👩\u200d🚀🇩🇪x\u0301\x1b\u202e"))).Draw(t, "name")
			peer.State = rapid.SampledFrom([]event.State{event.Up, event.Late, event.Lost, event.Left, event.Relayed}).Draw(t, "state")
			peer.Verified, peer.Ignored = rapid.Bool().Draw(t, "verified"), rapid.Bool().Draw(t, "ignored")
			peer.RTT = time.Duration(rapid.Int64Range(0, 1e11).Draw(t, "rtt"))
			peer.Agent = peer.Name
			p.set(peer)
		}
		p.SetFocus(rapid.Bool().Draw(t, "focus"))
		p.MoveSelection(rapid.IntRange(-20, 20).Draw(t, "delta"))
		p.now = noon.Add(time.Duration(rapid.Int64Range(0, int64(ListGoneFor)).Draw(t, "later")))
		rows := p.Rows()
		if len(rows) != h {
			t.Fatalf("%d rows of %d", len(rows), h)
		}
		for _, row := range append(rows, p.DetailRows(w)...) {
			if n := ansi.StringWidth(row); n > w {
				t.Fatalf("%d of %d cells: %q", n, w, row)
			}
		}
		for _, row := range rows {
			if sanitize.Line(ansi.Strip(row)).String() != ansi.Strip(row) {
				t.Fatalf("not clean: %q", row)
			}
		}
	})
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 3*time.Hour + 5*time.Minute: "3 h 5 min", 49 * time.Hour: "2 d 1 h",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// Numbers have events of their own, which may be older than the rest: they change nothing else.
func TestUpdateStatsChangesNumbersOnly(t *testing.T) {
	p := newPane(26, 5)
	bob := testPeer("bob")
	old := bob
	bob.State, bob.Verified, bob.Changed = event.Lost, true, noon.Add(time.Minute)
	p.set(bob)
	old.RTT, old.In, old.Out = time.Millisecond, 5, 7
	p.UpdateStats(old)
	got, _ := p.Peer(bob.ID)
	bob.RTT, bob.In, bob.Out = old.RTT, old.In, old.Out
	if got != bob {
		t.Errorf("got %+v, want %+v", got, bob)
	}
	p.UpdateStats(testPeer("eve"))
	if _, ok := p.Peer(testPeer("eve").ID); ok {
		t.Error("numbers of an unknown peer made a peer")
	}
}
