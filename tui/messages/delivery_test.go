package messages

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"chat.lan/p2pchat/net/event"
)

func TestDelivery(t *testing.T) {
	f := plainFixture(60, 8)
	first := f.say("alice", "first")
	second := f.say("alice", "second")
	third := f.line("alice", "third")
	f.Add([]event.Line{third})
	f.SetDelivered(event.Delivered{ID: third.ID})
	shows := func(want ...string) {
		t.Helper()
		rows := strings.Split(f.screen(), "\n")
		for i, w := range want {
			if got := rows[len(rows)-len(want)+i]; !strings.HasSuffix(got, w) {
				t.Errorf("row of line %d is %q, want it to end in %q", i+1, got, w)
			}
		}
	}
	shows("…", "…", "✗ no one here")

	f.SetDelivered(event.Delivered{ID: second.ID, Peers: 1, Of: 2})
	shows("✓ 1/2", "✓ 1/2", "✗ no one here")
	f.SetDelivered(event.Delivered{ID: first.ID, Peers: 2, Of: 2})
	shows("✓ 2/2", "✓ 1/2", "✗ no one here")
	f.SetDelivered(event.Delivered{ID: third.ID, Peers: 2, Of: 3})
	shows("✓ 2/2", "✓ 2/3", "✓ 2/3")
	f.SetDelivered(event.Delivered{ID: second.ID, Peers: 1, Of: 3}) // overtaken
	f.SetDelivered(event.Delivered{ID: "unknown", Peers: 9, Of: 9})
	shows("✓ 2/2", "✓ 2/3", "✓ 2/3")

	// Peers may not keep a message: then the older ones that wait won't come further either.
	fourth := f.say("alice", "fourth")
	fifth := f.say("alice", "fifth")
	f.SetDelivered(event.Delivered{ID: fifth.ID, Peers: 0, Of: 4, NotKept: 3})
	shows("✓ 2/3", "✗ not kept by 3 of 4", "✗ not kept by 3 of 4")
	f.SetDelivered(event.Delivered{ID: fifth.ID, Peers: 1, Of: 4, NotKept: 3})
	f.SetDelivered(event.Delivered{ID: fourth.ID, Peers: 4, Of: 4})
	shows("✓ 4/4", "✓ 4/4", "✗ not kept by 3 of 4")

	// A local message of an earlier run shows no delivery.
	f.say("alice", "long ago", history)
	if rows := f.screen(); strings.Count(rows, "✓")+strings.Count(rows, "…")+strings.Count(rows, "not kept") != 5 {
		t.Errorf("a line of an earlier run claims a delivery:\n%s", rows)
	}
}

// A delivery is readable even on a terminal that draws an emoji too wide. It would otherwise be pushed
// out of the row, and "2/2" lose its middle.
func TestDeliveryStandsBehindAnyEmoji(t *testing.T) {
	f := plainFixture(50, 4)
	l := f.say("alice", "done 👍🏽")
	f.SetDelivered(event.Delivered{ID: l.ID, Peers: 2, Of: 2})
	rows := f.Rows()
	emu := vt.NewEmulator(50, 1)
	defer emu.Close()
	row := strings.ReplaceAll(rows[len(rows)-1], "👍🏽", "####") // as tmux draws it
	if _, err := emu.Write([]byte("\x1b[?7l" + row)); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimRight(ansi.Strip(emu.Render()), " \r\n"), " 12:00 you   done ####                      ✓ 2/2"; got != want {
		t.Errorf("the row is %q", got)
	}
}

// Whatever the delivery of a message, its text stands in the same cells.
func TestDeliveryMovesNoText(t *testing.T) {
	for w := 1; w <= 120; w++ {
		f := plainFixture(w, 30)
		l := f.say("alice", strings.Repeat("word ", 20))
		rows := len(f.renderer.entryRows(0, false))
		for _, d := range []event.Delivered{{}, {Peers: 1, Of: 2}, {Peers: 100, Of: 128}, {Peers: 1, Of: 128, NotKept: 100}} {
			d.ID = l.ID
			f.SetDelivered(d)
			f.check(t)
			if got := len(f.renderer.entryRows(0, false)); got != rows {
				t.Fatalf("at %d cells a line took %d rows and takes %d as %+v", w, rows, got, d)
			}
		}
	}
}
