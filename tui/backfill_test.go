package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

func (n *fakeNode) History(_ context.Context, before event.Place, most int) ([]event.Line, error) {
	lines := n.older(before)
	n.asked++
	return lines[max(len(lines)-most, 0):], nil
}

func (n *fakeNode) Search(_ context.Context, text string, before event.Place, most int) (out []event.Line, err error) {
	for _, l := range n.older(before) {
		if strings.Contains(l.Text, text) {
			out = append(out, l)
		}
	}
	return out[max(len(out)-most, 0):], n.note("search %s", text)
}

// older are the lines on disk that stand before a place.
func (n *fakeNode) older(before event.Place) []event.Line {
	for i, l := range n.past {
		if before != (event.Place{}) && l.Place.Ms >= before.Ms {
			return n.past[:i]
		}
	}
	return n.past
}

// remembers are lines of dana on disk.
func remembers(lines int) (past []event.Line) {
	dana := peerOf("dana", noon)
	for i := range lines {
		at := noon.Add(-time.Duration(lines-i) * time.Second)
		past = append(past, event.Line{
			ID: fmt.Sprint("past", i), From: dana.Key, FromID: dana.ID, FromName: "dana", Text: fmt.Sprintf("memory %d", i),
			Time: at, Arrived: at, History: true, Signature: event.Verified, Kind: event.KindNative,
			Place: event.Place{Ms: at.UnixMilli(), Author: dana.Key, Seq: uint64(i)},
		})
	}
	return past
}

// The newest of what is remembered is there at the start, the rest as one scrolls up to it, each line
// once, and nothing is asked for when there is no more.
func TestHistoryComesAsOneScrolls(t *testing.T) {
	w := worldWith(t, remembers(1000), plain, 120, 36)
	w.frame()
	if got := strings.Join(w.rows(), "\n"); !strings.Contains(got, "memory 999") {
		t.Fatalf("the end is not there:\n%s", got)
	}
	for range 200 {
		w.keys("pgup")
		w.frame()
	}
	if got := strings.Join(w.rows(), "\n"); !strings.Contains(got, "memory 0\n") && !strings.Contains(got, "memory 0 ") {
		t.Fatalf("the beginning is not there:\n%s", got)
	}
	asked := w.node.asked
	w.keys("pgup", "pgdown", "pgup")
	if w.node.asked != asked {
		t.Error("it asks although there is no more")
	}
	if hits := w.m.messages.Search("memory"); hits != 1000 {
		t.Errorf("%d lines are there, want 1000", hits)
	}
}

// Home goes to the first line, however much is remembered; a key on the way stops there.
func TestHomeIsTheFirstLine(t *testing.T) {
	w := worldWith(t, remembers(12_000), plain, 120, 36)
	w.keys("home")
	w.mustShow("✓ memory 0 ", "✓ memory 1 ")
	w.mustNotShow("Loading")
	w.keys("end")
	w.mustShow("memory 11999")

	w = worldWith(t, remembers(12_000), plain, 120, 36)
	w.m.history.toTop = true
	w.keys("pgdown")
	w.m.addHistory(historyPageLoaded{lines: w.node.past[10_000:11_000]})
	w.mustNotShow("memory 10000")

	w = newWorld(t, plain, 120, 36)
	w.m.history.toTop = true
	w.m.addHistory(historyPageLoaded{err: errors.New("the disk is gone")})
	w.mustShow("the disk is gone")
}

// A search goes on to what is on disk: what is found there is shown in its place, with the lines
// around it.
func TestSearchGoesOnToTheDisk(t *testing.T) {
	w := worldWith(t, remembers(5000), plain, 120, 36)
	w.keys("ctrl+f", "memory 77", "enter")
	w.mustShow("▸           ✓ memory 779", "memory 790", "10 of 10+")
	w.keys("n")
	w.mustShow("▸           ✓ memory 778", "9 of 10+")
	for range 9 {
		w.keys("n")
	}
	w.mustShow("memory 77 ", "1 of 11")
	w.keys("N")
	w.mustShow("▸           ✓ memory 770", "2 of 11")
	w.keys("esc")
	w.mustShow("memory 4999")
	w.mustNotShow("Search:")
}

// What is too far up to be loaded is listed instead.
func TestSearchListsWhatIsFarUp(t *testing.T) {
	past := remembers(searchReach + 1000)
	past[5].Text = "a rare word"
	w := worldWith(t, past, plain, 120, 36)
	w.keys("ctrl+f", "rare", "enter")
	w.mustShow(`Before, with "rare": 1`, "a rare word")
	w.mustNotShow("Search:")
}

// A search that goes nowhere says so, and one that was ended shows nothing.
func TestSearchOfTheDiskThatFindsNothing(t *testing.T) {
	w := worldWith(t, remembers(1000), plain, 120, 36)
	w.keys("ctrl+f", "no such words", "enter")
	w.mustShow("nothing found")
	w.m.showDiskMatches(diskMatches{query: "no such words", err: errors.New("the disk is gone")})
	w.keys("esc")
	w.mustShow("the disk is gone")
	w.m.showDiskMatches(diskMatches{query: "no such words", lines: remembers(5)})
	w.mustNotShow("Before, with")
}

func TestHowSavingGoesIsSaid(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	w.post(event.Saving{NotSaved: "no space left on device"})
	if got := strings.Join(w.rows(), "\n"); strings.Count(got, "no space left on device") != 2 {
		t.Errorf("a note and the status line:\n%s", got)
	}
	w.post(event.Saving{})
	w.post(event.Saving{Aside: "/home/alice/records-damaged.db", Recovered: 7})
	got := strings.Join(w.rows(), "\n")
	w.post(event.Saving{Unreadable: 3, Aside: "/home/alice/records-damaged.db"}, event.Saving{NotSaved: "the disk hangs", Unreadable: 3},
		event.Saving{Dropped: 9, Unreadable: 3})
	got += strings.Join(w.rows(), "\n")
	for _, want := range []string{"Saved again", "recovered 7 records", "records-damaged.db", "3 records on disk were damaged", "Saved again, but for 9 records"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

func TestCatchingUpShowsABar(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	w.pass(time.Minute) // nobody types any more
	w.post(event.Sync{Have: 0, Missing: 1000}, event.Sync{Have: 700, Missing: 300})
	if got := strings.Join(w.rows(), "\n"); !strings.Contains(got, "▓▓▓▓▓▓▓░░░ 300 lines to come") {
		t.Error(got)
	}
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	w.m.addHistory(historyPageLoaded{err: errors.New("the disk is gone")})
	if got := strings.Join(w.rows(), "\n"); !strings.Contains(got, "the disk is gone") {
		t.Error(got)
	}
}
