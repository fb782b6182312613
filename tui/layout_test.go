package tui

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestArrange(t *testing.T) {
	for _, c := range []struct {
		name string
		in   shape
		want layout
	}{
		{"too narrow", shape{Width: 35, Height: 24}, layout{TooSmall: true}},
		{"too low", shape{Width: 80, Height: 7}, layout{TooSmall: true}},
		{"the smallest", shape{Width: 36, Height: 8}, layout{
			Title: rect{0, 0, 36, 1}, Messages: rect{0, 1, 36, 5}, Status: rect{0, 6, 36, 1}, Compose: rect{0, 7, 36, 1},
		}},
		{"one of three in tmux", shape{Width: 40, Height: 11, Compose: 1}, layout{
			Title: rect{0, 0, 40, 1}, TopRule: rect{0, 1, 40, 1}, Messages: rect{0, 2, 40, 6}, LowRule: rect{0, 8, 40, 1},
			Status: rect{0, 9, 40, 1}, Compose: rect{0, 10, 40, 1},
		}},
		{"an error of three rows", shape{Width: 40, Height: 11, Compose: 1, Status: 3}, layout{
			Title: rect{0, 0, 40, 1}, Messages: rect{0, 1, 40, 6}, Status: rect{0, 7, 40, 3}, Compose: rect{0, 10, 40, 1},
		}},
		{"narrow, the peers focused", shape{Width: 50, Height: 15, Focus: panePeers, Side: panePeers, Compose: 1}, layout{
			Title: rect{0, 0, 50, 1}, TopRule: rect{0, 1, 50, 1}, Peers: rect{0, 2, 50, 10}, LowRule: rect{0, 12, 50, 1},
			Status: rect{0, 13, 50, 1}, Compose: rect{0, 14, 50, 1},
		}},
		{"a side pane", shape{Width: 80, Height: 24, Compose: 2}, layout{
			Title: rect{0, 0, 80, 1}, TopRule: rect{0, 1, 80, 1}, Messages: rect{0, 2, 53, 18}, Divider: rect{53, 2, 1, 18}, Peers: rect{54, 2, 26, 18},
			LowRule: rect{0, 20, 80, 1}, Status: rect{0, 21, 80, 1}, Compose: rect{0, 22, 80, 2},
		}},
		{"one side pane of two", shape{Width: 80, Height: 24, Compose: 1, Side: paneProposals, Proposals: 4}, layout{
			Title: rect{0, 0, 80, 1}, TopRule: rect{0, 1, 80, 1}, Messages: rect{0, 2, 53, 19}, Divider: rect{53, 2, 1, 19}, Proposals: rect{54, 2, 26, 19},
			LowRule: rect{0, 21, 80, 1}, Status: rect{0, 22, 80, 1}, Compose: rect{0, 23, 80, 1},
		}},
		{"everything", shape{Width: 120, Height: 36, Compose: 9, Banner: 3, Proposals: 5, Overlay: 10, List: 4}, layout{
			Title: rect{0, 0, 120, 1}, Banner: rect{0, 1, 120, 2}, TopRule: rect{0, 3, 120, 1},
			Messages: rect{0, 4, 93, 11}, Overlay: rect{0, 15, 93, 10}, Divider: rect{93, 4, 1, 21},
			Peers: rect{94, 4, 26, 15}, SideRule: rect{94, 19, 26, 1}, Proposals: rect{94, 20, 26, 5},
			LowRule: rect{0, 25, 120, 1}, Status: rect{0, 26, 120, 1}, Compose: rect{0, 27, 120, 9}, List: rect{0, 21, 93, 4},
		}},
		{"a sheet that leaves little takes all", shape{Width: 50, Height: 15, Compose: 1, Overlay: 7}, layout{
			Title: rect{0, 0, 50, 1}, TopRule: rect{0, 1, 50, 1}, Overlay: rect{0, 2, 50, 10}, LowRule: rect{0, 12, 50, 1},
			Status: rect{0, 13, 50, 1}, Compose: rect{0, 14, 50, 1},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, arrange(c.in)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Every cell belongs to at most one part, all but the banner's to some part, and no part leaves the
// screen.
func TestArrangeCoversTheScreenOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
		s := shape{
			Width: n("width", 310), Height: n("height", 120), Focus: pane(n("focus", int(paneProposals))),
			Side:    rapid.SampledFrom([]pane{panePeers, paneProposals}).Draw(t, "side"),
			Compose: n("compose", 9), Status: n("status", 4), Banner: n("banner", 3), Proposals: n("proposals", 20), List: n("list", 10), Overlay: n("sheet", 60),
		}
		l := arrange(s)
		if l.TooSmall {
			if s.Width >= minWidth && s.Height >= minHeight {
				t.Fatal("there is room")
			}
			return
		}
		seen := make([]string, s.Width*s.Height)
		for name, r := range map[string]rect{"title": l.Title, "banner": l.Banner, "top rule": l.TopRule, "messages": l.Messages,
			"sheet": l.Overlay, "divider": l.Divider, "peers": l.Peers, "side rule": l.SideRule, "proposals": l.Proposals,
			"low rule": l.LowRule, "status": l.Status, "compose": l.Compose} {
			for y := r.Y; y < r.Y+r.H; y++ {
				for x := r.X; x < r.X+r.W; x++ {
					if x < 0 || y < 0 || x >= s.Width || y >= s.Height {
						t.Fatalf("%s leaves the screen: %+v", name, r)
					}
					if at := &seen[y*s.Width+x]; *at != "" {
						t.Fatalf("%s and %s both cover %d, %d", *at, name, x, y)
					} else {
						*at = name
					}
				}
			}
		}
		for i, name := range seen {
			if name == "" {
				t.Fatalf("nothing covers %d, %d", i%s.Width, i/s.Width)
			}
		}
		if l.List.H > 0 && (l.List.Y < 1 || l.List.Y+l.List.H > l.Status.Y) {
			t.Fatalf("the list is at %+v, the status line at %+v", l.List, l.Status)
		}
		if l.Compose.H < 1 || l.Status.H < 1 || l.Status.H > max(s.Status, 1) || s.Height >= 10 && l.Messages.H+l.Overlay.H+l.Peers.H+l.Proposals.H < 1 || l.Title.H != 1 {
			t.Fatal(fmt.Sprintf("%+v", l))
		}
	})
}
