package messages

import (
	"cmp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// Whatever the messages and the size, the pane draws exactly its rows, and none is too wide.
func TestRowsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(rapid.IntRange(0, 90).Draw(t, "w"), rapid.IntRange(0, 20).Draw(t, "h"),
			theme.Look{Profile: termenv.ANSI256, ASCII: rapid.Bool().Draw(t, "ascii")})
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			f.step(t)
			f.check(t)
		}
	})
}

// A longer name moves the columns of rows drawn before it, even when the height changes at the same time.
func TestColumnsLineUpAfterALongerName(t *testing.T) {
	f := plainFixture(60, 8)
	f.say("bob", "first")
	f.Rows()
	f.say("bob the builder", "second")
	f.SetSize(60, 9)
	var at []int
	for _, row := range f.Rows() {
		for _, word := range []string{"first", "second"} {
			if before, _, ok := strings.Cut(row, word); ok {
				at = append(at, ansi.StringWidth(before))
			}
		}
	}
	if len(at) != 2 || at[0] != at[1] {
		t.Errorf("texts begin in columns %v:\n%s", at, f.screen())
	}
}

// hostile is text that terminals trip over.
var hostile = rapid.OneOf(
	rapid.StringOf(rapid.SampledFrom([]rune("ab alice @ \n\t日本é👩\u200d🚀🇩🇪👍🏽x\u0301\x1b[31m\u202e\u200b\x00"))),
	rapid.String(),
	rapid.StringN(200, 600, -1),
)

// step makes a random call of the pane's methods.
func (f *fixture) step(t *rapid.T) {
	who := rapid.SampledFrom([]string{"alice", "bob", "dana", "日本語の長い名前です", "a name of sixteen"}).Draw(t, "who")
	text := hostile.Draw(t, "text")
	n := rapid.IntRange(-30, 30).Draw(t, "n")
	switch rapid.IntRange(0, 18).Draw(t, "step") {
	case 0, 1, 2, 3:
		f.say(who, text)
	case 4:
		f.say(who, text, me)
	case 5:
		f.say(who, text, history, ago(hours(n)))
	case 6:
		f.say(who, text, ago(hours(n)))
	case 7:
		f.ScrollLines(n)
	case 8:
		f.MoveSelection(cmp.Or(cmp.Compare(n, 0), 1))
	case 9:
		f.SetSize(rapid.IntRange(0, 300).Draw(t, "w"), rapid.IntRange(0, 60).Draw(t, "h"))
	case 10:
		f.Search(text)
		f.NextHit(n)
	case 11:
		f.SetAway(n < 0)
	case 12:
		f.pass(hours(n).Abs())
	case 13:
		f.ReportRefused(event.Refused{From: who, Reason: text, Count: n})
	case 14:
		f.AddNotice(event.Warning, sanitize.Block(text))
	case 15:
		f.SetIgnored(f.key(who).ID().String(), n < 0)
	case 16:
		f.AddOlder([]event.Line{f.line(who, text, ago(hours(n)))})
		f.ScrollToStart()
	case 17:
		f.Clear()
		f.CancelSearch()
	case 18:
		f.name = text
		f.Relabel()
		f.ClearSelection()
	}
	if rows := f.InspectorRows(f.renderer.width, f.viewport.height); len(rows) > f.viewport.height {
		t.Fatalf("the inspector has %d rows of %d", len(rows), f.viewport.height)
	} else {
		for _, row := range rows {
			if w := ansi.StringWidth(row); w > f.renderer.width {
				t.Fatalf("a row of the inspector takes %d of %d cells: %q", w, f.renderer.width, row)
			}
		}
	}
}
