package messages

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chat.lan/p2pchat/net/event"
)

// reading returns a full pane whose reader has scrolled up.
func reading(t *rapid.T) *fixture {
	f := plainFixture(rapid.IntRange(20, 120).Draw(t, "w"), rapid.IntRange(1, 30).Draw(t, "h"))
	left := rapid.IntRange(0, 80).Draw(t, "left")
	for i := range rapid.IntRange(40, 80).Draw(t, "lines") {
		f.SetAway(i >= left) // there is a divider somewhere
		who := rapid.SampledFrom([]string{"alice", "bob", "dana"}).Draw(t, "who")
		f.pass(time.Duration(rapid.IntRange(0, 100).Draw(t, "minutes")) * time.Minute)
		f.say(who, rapid.StringMatching(`[a-z日 ]{1,200}`).Draw(t, "text"))
	}
	f.SetAway(false)
	f.Rows()
	f.ScrollLines(-rapid.IntRange(1, 60).Draw(t, "up"))
	return f
}

// New messages never move the rows of a reader further up: only the last row may change.
func TestAddMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := reading(t)
		if f.AtEnd() {
			t.Skip("all of it fits")
		}
		was := slices.Clone(f.Rows())
		for range rapid.IntRange(1, 20).Draw(t, "more") {
			f.pass(time.Second)
			who := rapid.SampledFrom([]string{"alice", "bob", "a peer with a long name"}).Draw(t, "who")
			how := rapid.SampledFrom([]func(*event.Line){unsigned, me, ago(0), ago(500 * time.Millisecond), ago(time.Hour)}).Draw(t, "how")
			f.say(who, hostile.Draw(t, "text"), how)
			f.SetAway(rapid.Bool().Draw(t, "away"))
			f.ReportRefused(event.Refused{From: who, Reason: "unsigned", Count: int(f.seq)})
			f.check(t)
		}
		now := f.Rows()
		for i := range now[:f.viewport.entryRows()] {
			if now[i] != was[i] {
				t.Fatalf("row %d was\n%q and is\n%q", i, was[i], now[i])
			}
		}
	})
}

// Through any resizes the entry at the top stays there, and going back to a size gives the same rows.
func TestResizeKeepsThePlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := reading(t)
		if f.AtEnd() {
			t.Skip("all of it fits")
		}
		w, h, was := f.renderer.width, f.viewport.height, slices.Clone(f.Rows())
		top := f.log.entries[f.viewport.visible.top]
		for range rapid.IntRange(1, 10).Draw(t, "resizes") {
			f.SetSize(rapid.IntRange(1, 300).Draw(t, "w"), rapid.IntRange(1, 60).Draw(t, "h"))
			f.check(t)
			if !f.AtEnd() && f.log.entries[f.viewport.visible.top] != top {
				t.Fatalf("at %d×%d another line is at the top", f.renderer.width, f.viewport.height)
			}
		}
		f.SetSize(w, h)
		if now := f.Rows(); !slices.Equal(now, was) {
			t.Fatalf("rows were\n%q and are\n%q", was, now)
		}
	})
}

// History above the screen leaves the entry at the top where it is.
func TestEarlierLinesKeepThePlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := reading(t)
		if f.AtEnd() {
			t.Skip("all of it fits")
		}
		top := f.log.entries[f.viewport.visible.top]
		var batch []event.Line
		for range rapid.IntRange(1, 20).Draw(t, "earlier") {
			batch = append(batch, f.line("bob", "earlier", history, ago(time.Duration(rapid.IntRange(0, 5000).Draw(t, "minutes"))*time.Minute)))
		}
		if rapid.Bool().Draw(t, "from disk") {
			f.AddOlder(batch)
		} else {
			f.Add(batch)
		}
		f.check(t)
		if f.log.entries[f.viewport.visible.top] != top {
			t.Fatal("another line is at the top")
		}
	})
}

// Scrolling up and down again by the same number of rows changes nothing.
func TestScrollAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := reading(t)
		if f.AtEnd() {
			t.Skip("all of it fits")
		}
		was := slices.Clone(f.Rows())
		n := 0
		for range rapid.IntRange(1, 50).Draw(t, "rows") {
			i, skip := f.viewport.visible.top, f.viewport.visible.skip
			if f.ScrollLines(-1); f.viewport.visible.top == i && f.viewport.visible.skip == skip {
				break // the beginning
			}
			n++
		}
		f.ScrollLines(n)
		now := f.Rows()
		// The name is shown again in the first row; the rest is the same.
		if !slices.Equal(now[1:], was[1:]) {
			t.Fatalf("after %d rows up and down rows were\n%q and are\n%q", n, was, now)
		}
	})
}

func TestScrollToStartAndEnd(t *testing.T) {
	f := plainFixture(60, 5)
	for i := range 20 {
		f.say("bob", string(rune('a'+i)))
	}
	f.ScrollToStart()
	if f.AtEnd() || f.viewport.visible.top != 0 {
		t.Errorf("the beginning is not shown:\n%s", f.screen())
	}
	f.ScrollPages(-1)
	if f.viewport.visible.top != 0 {
		t.Error("it scrolls above the beginning")
	}
	f.ScrollPages(100)
	if !f.AtEnd() || !f.viewport.following {
		t.Error("a hundred pages down is not the end")
	}
	f.say("bob", "last")
	if !f.AtEnd() {
		t.Error("the end is not followed")
	}
}

func TestClearHidesAndScrollingBringsBack(t *testing.T) {
	f := plainFixture(60, 5)
	f.say("bob", "before")
	f.Clear()
	if got := f.screen(); contains(got, "before") || !contains(got, "Cleared") {
		t.Errorf("after Clear:\n%s", got)
	}
	if f.WantsOlder() {
		t.Error("it fetches at once what was cleared away")
	}
	f.say("bob", "after")
	if got := f.screen(); contains(got, "before") || !contains(got, "after") {
		t.Errorf("after a line:\n%s", got)
	}
	f.ScrollPages(-1)
	if got := f.screen(); !contains(got, "before") {
		t.Errorf("after scrolling up:\n%s", got)
	}
	if !f.WantsOlder() {
		t.Error("it wants no more though the reader is at the top")
	}
	f.AddOlder(nil)
	if f.WantsOlder() {
		t.Error("it wants more than there is")
	}
}
