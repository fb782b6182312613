package messages

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

var (
	plain = theme.Look{Profile: termenv.Ascii}
	dark  = theme.Look{Profile: termenv.ANSI256}
)

var update = flag.Bool("update", false, "write the golden files anew")

// talk fills a pane with an example of everything.
func (f *fixture) talk() {
	f.Add([]event.Line{
		f.line("dana", "we meet at nine", ago(26*time.Hour), history),
		f.line("bob", "and I bring the cake", ago(25*time.Hour), history),
	})
	l := f.say("alice", "hello")
	f.SetDelivered(event.Delivered{ID: l.ID, Peers: 3, Of: 3})
	f.pass(time.Minute)
	f.say("bob", "hi Alice, which branch? I see two with the same name, and a long line wraps under its own text")
	f.pass(20 * time.Second)
	f.say("bob", "日本語 👩‍🚀 🇩🇪 👍🏽 and a second row:\n  indented")
	f.say("dana", "waves", me)
	f.pass(time.Minute)
	f.say("Rusty the plain one", "in clear", unsigned)
	f.ReportRefused(event.Refused{From: "10.0.0.7", Reason: "unsigned · policy #4", Count: 1})
	f.ReportRefused(event.Refused{From: "10.0.0.7", Reason: "unsigned · policy #4", Count: 3})
	f.AddNotice(event.Info, sanitize.Trusted("eve joined"))
	f.AddNotice(event.Warning, sanitize.Trusted("not saved: the disk is full"))
	f.say("eve", "my clock is wrong", ago(20*time.Minute))
	l = f.say("alice", "a long line of one's own that needs more than a single row to stand in, at nearly any width")
	f.SetDelivered(event.Delivered{ID: l.ID, Peers: 2, Of: 4})
	f.SetDelivered(event.Delivered{ID: f.say("alice", "is anybody there?").ID})
	f.say("alice", "on its way")
	f.pass(time.Minute)
	f.Add([]event.Line{f.line("bob", "said while away", ago(100*time.Second), history), f.line("bob", "and more", ago(90*time.Second), history)})
	f.SetAway(true)
	f.say("dana", "@alice please vote")
	f.SetAway(false)
}

func TestGolden(t *testing.T) {
	scenes := []struct {
		name string
		w, h int
		look theme.Look
		do   func(*fixture)
	}{
		{"empty-60x6", 60, 6, plain, func(f *fixture) {}},
		{"talk-72x26", 72, 26, plain, (*fixture).talk},
		{"talk-110x24", 110, 24, plain, (*fixture).talk},
		{"talk-40x20", 40, 20, plain, (*fixture).talk},
		{"talk-20x12", 20, 12, plain, (*fixture).talk},
		{"talk-ascii-72x26", 72, 26, theme.Look{Profile: termenv.Ascii, ASCII: true}, (*fixture).talk},
		{"talk-dark-72x26", 72, 26, dark, (*fixture).talk},
		{"talk-light-72x26", 72, 26, theme.Look{Profile: termenv.ANSI256, Light: true}, (*fixture).talk},
		{"scrolled-72x10", 72, 10, plain, func(f *fixture) {
			f.talk()
			f.ScrollLines(-12)
			f.say("bob", "one more")
			f.say("bob", "and another")
		}},
		{"selection-72x10", 72, 10, dark, func(f *fixture) {
			f.talk()
			for range 5 {
				f.MoveSelection(-1)
			}
		}},
		{"find-72x12", 72, 12, dark, func(f *fixture) {
			f.talk()
			f.Search("ROW")
			f.NextHit(1)
			f.NextHit(-1)
		}},
	}
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			f := newFixture(s.w, s.h, s.look)
			s.do(f)
			f.check(t)
			golden(t, s.name, f.Rows())
		})
	}
	t.Run("inspector", func(t *testing.T) {
		f := newFixture(72, 20, plain)
		f.talk()
		f.MoveSelection(-1)
		golden(t, "inspector-72", f.InspectorRows(72, 40))
		golden(t, "inspector-36", f.InspectorRows(36, 60))
	})
}

// golden compares rows with a file; control sequences are written as \e there.
func golden(t *testing.T, name string, rows []string) {
	t.Helper()
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%s|\n", strings.ReplaceAll(row, "\x1b", `\e`))
	}
	path := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n"), strings.Split(b.String(), "\n")); d != "" {
		t.Errorf("other than %s (-want +got):\n%s", path, d)
	}
}
