package messages

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chat.lan/p2pchat/net/event"
)

// Whatever the way by which messages come, each is in the log once, the log is sorted, and history stands
// where its records belong.
func TestLogKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := plainFixture(60, 10)
		var all []event.Line
		for range rapid.IntRange(1, 25).Draw(t, "batches") {
			var batch []event.Line
			for range rapid.IntRange(1, 5).Draw(t, "lines") {
				if len(all) > 0 && rapid.IntRange(0, 5).Draw(t, "again") == 0 {
					batch = append(batch, all[rapid.IntRange(0, len(all)-1).Draw(t, "which")])
					continue
				}
				f.pass(time.Duration(rapid.IntRange(0, 3).Draw(t, "ms")) * time.Millisecond)
				how := rapid.SampledFrom([]func(*event.Line){ago(0), history, unsigned, ago(time.Hour)}).Draw(t, "how")
				past := ago(time.Duration(rapid.IntRange(0, 2000).Draw(t, "seconds")) * time.Second)
				l := f.line(rapid.SampledFrom([]string{"alice", "bob", "dana"}).Draw(t, "who"), "x", how, past)
				batch, all = append(batch, l), append(all, l)
			}
			if rapid.IntRange(0, 4).Draw(t, "from disk") == 0 {
				f.AddOlder(batch)
			} else {
				f.Add(batch)
			}
		}
		count := map[string]int{}
		var last *entry
		for _, e := range f.log.entries {
			if last != nil && e.order < last.order {
				t.Fatal("the log is not in order")
			}
			if e.kind == messageEntry {
				count[e.toEvent().ID]++
				if e.history && e.placed && e.order != e.placeMs {
					t.Fatalf("%s of %d stands at %d", e.text, e.placeMs, e.order)
				}
			}
			last = e
		}
		for _, l := range all {
			if count[l.ID] != 1 {
				t.Fatalf("a line is there %d times", count[l.ID])
			}
		}
	})
}

// Selected returns the very event that was added.
func TestSelectedReturnsTheEvent(t *testing.T) {
	f := plainFixture(60, 10)
	for _, l := range []event.Line{
		f.line("bob", "text \"quoted\" \x1b and more\n", me, func(l *event.Line) { l.Via = "somebody" }),
		f.line("dana", "in clear", unsigned),
		f.line("alice", "", history),
	} {
		l.Arrived, l.Time = l.Arrived.UTC(), l.Time.UTC()
		f.Add([]event.Line{l})
		i := slices.IndexFunc(f.log.entries, func(e *entry) bool { return e.kind == messageEntry && e.toEvent().ID == l.ID })
		got := f.log.entries[i].toEvent()
		got.Arrived, got.Time = got.Arrived.UTC(), got.Time.UTC()
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", l) {
			t.Errorf("in went\n%+v\nout came\n%+v", l, got)
		}
	}
}

// flood returns n short messages, quickly made.
func flood(from, n int, text string) []event.Line {
	lines := make([]event.Line, n)
	for i := range lines {
		at := noon.Add(time.Duration(from+i) * time.Millisecond)
		lines[i] = event.Line{ID: fmt.Sprintf("%016x%048x", from+i+1, 0), FromID: "b", FromName: "bob", Text: text, Time: at, Arrived: at,
			Signature: event.Verified, Kind: event.KindNative, Place: event.Place{Ms: at.UnixMilli(), Seq: uint64(from + i)}}
	}
	return lines
}

func TestLogIsBounded(t *testing.T) {
	f := plainFixture(60, 10)
	for i := range 13 {
		f.Add(flood(i*10_000, 10_000, "x"))
		f.check(t)
	}
	if n := len(f.log.entries); n > maxMessages+maxMessages/16 || n < maxMessages {
		t.Errorf("of 130,000 lines %d are held", n)
	}
	if len(f.log.ids) != len(f.log.entries) {
		t.Errorf("%d ids of %d lines", len(f.log.ids), len(f.log.entries))
	}

	if f.ScrollToStart(); f.WantsOlder() {
		t.Error("more is wanted though no more can be held")
	}
	f.ScrollToEnd()

	// Entries that are being read aren't dropped, up to twice the limit.
	f.ScrollLines(-len(f.log.entries) + 100)
	was := slices.Clone(f.Rows()[:f.viewport.entryRows()])
	f.Add(flood(130_000, 10_000, "x"))
	if !slices.Equal(was, f.Rows()[:f.viewport.entryRows()]) {
		t.Error("entries on the screen were dropped")
	}
	for i := range 10 {
		f.Add(flood(140_000+i*10_000, 10_000, "x"))
		f.check(t)
	}
	if n := len(f.log.entries); n >= 2*maxMessages {
		t.Errorf("with a reader at the beginning %d lines are held", n)
	}
	if f.log.bytes <= 0 {
		t.Errorf("the log counts %d bytes", f.log.bytes)
	}
}

func TestLongLinesAreBoundedTogether(t *testing.T) {
	f := plainFixture(60, 10)
	text := strings.Repeat("0123456789abcdef", 512)
	for i := range 4 {
		f.Add(flood(i*10_000, 10_000, text))
	}
	sum := 0
	for _, e := range f.log.entries {
		sum += e.size()
	}
	if sum != f.log.bytes || sum > maxBytes {
		t.Errorf("%d bytes are held and %d counted; the limit is %d", sum, f.log.bytes, maxBytes)
	}
	f.check(t)
}

// The cache of rows follows the screen, not the log.
func TestCacheIsBounded(t *testing.T) {
	f := plainFixture(60, 10)
	f.Add(flood(0, 20_000, "x"))
	for range 1500 {
		f.ScrollPages(-1)
		f.Rows()
		if n := len(f.renderer.cache.rows); n > 64*(10+64) {
			t.Fatalf("%d bodies are kept", n)
		}
	}
	if n := len(f.renderer.cache.rows); n > 1000 {
		t.Errorf("%d bodies are kept after a while", n)
	}
}

func TestOwnMessagesLeaveWithTheLog(t *testing.T) {
	f := plainFixture(60, 10)
	for i := range 12 {
		lines := flood(i*10_000, 10_000, "x")
		for j := range lines {
			lines[j].Own = true
		}
		f.Add(lines)
	}
	if n := len(f.own.byID); n != len(f.log.entries) || n != len(f.own.entries) {
		t.Errorf("%d local messages are held for %d", n, len(f.log.entries))
	}
	f.SetDelivered(event.Delivered{ID: fmt.Sprintf("%016x%048x", 120_000, 0), Peers: 3, Of: 3})
	if !strings.Contains(f.screen(), "✓ 3/3") {
		t.Errorf("a delivery after all that is not shown:\n%s", f.screen())
	}
	if f.own.entries[0].peers != 3 {
		t.Error("it doesn't count for the oldest")
	}
}

func TestDroppedEntriesCanBeLoadedAgain(t *testing.T) {
	f := plainFixture(60, 10)
	f.AddOlder(nil)
	f.ScrollToStart()
	if f.WantsOlder() {
		t.Error("there is no more, but more is wanted")
	}
	f.Add(flood(0, maxMessages+maxMessages/8, strings.Repeat("x", 2000))) // dropped by size, far below the count
	f.ScrollToStart()
	if !f.WantsOlder() {
		t.Error("dropped entries are not wanted back")
	}
}
