package messages

import (
	"strings"
	"testing"
)

func TestSelectionStaysWhileLinesArrive(t *testing.T) {
	f := plainFixture(60, 6)
	for _, text := range []string{"one", "two", "three", "four", "five", "six", "seven"} {
		f.say("bob", text)
	}
	f.MoveSelection(-1)
	f.MoveSelection(-1)
	if l, ok := f.Selected(); !ok || l.Text != "six" {
		t.Fatalf("%q is selected", l.Text)
	}
	before := f.screen()
	if !strings.Contains(before, "▸") {
		t.Fatalf("no mark:\n%s", before)
	}
	f.say("dana", "eight", unsigned)
	rows, was := strings.Split(f.screen(), "\n"), strings.Split(before, "\n")
	for i, row := range rows[:5] {
		if row != was[i] {
			t.Errorf("row %d was %q and is %q", i, was[i], row)
		}
	}
	if !strings.Contains(rows[5], "new below") {
		t.Errorf("the last row is %q", rows[5])
	}
	if l, _ := f.Selected(); l.Text != "six" {
		t.Errorf("%q is selected after a line arrived", l.Text)
	}
	f.ClearSelection()
	if f.AtEnd() {
		t.Error("new messages are skipped when the selection ends")
	}
	f.ScrollToEnd()
	f.MoveSelection(-1)
	f.ClearSelection()
	if !f.AtEnd() {
		t.Error("the end is not followed any more after a selection")
	}
}
