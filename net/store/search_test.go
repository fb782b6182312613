package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/search"
)

// A store finds a text in the same messages as the search on the screen.
func TestSearchAgreesWithScreen(t *testing.T) {
	texts := []string{
		"İzmir", "izmir", "ızmir", "IZMIR", "Straße", "STRASSE", "STRAẞE", "Wachſtube", "wachstube", "300 \u212a", "300 k",
		"café", "cafe\u0301", "CAFÉ", "ΣΊΣΥΦΟΣ", "σίσυφος", "日本", "a \"quote\" and a \\", "line\nbreak", "<b>&</b>",
	}
	s := newSpeaker(1, 1)
	entries := []Entry{s.say("", start)} // opens the feed
	for i, text := range texts {
		entries = append(entries, s.say(text, start.Add(time.Duration(i)*time.Second)))
	}
	disk, mem := open(t, config(t)), NewMem(lobby, 0)
	for _, st := range []Store{disk, mem} {
		appendAll(t, st, entries)
	}
	queries := append([]string{"i", "ı", "I", "s", "ss", "ß", "ſ", "k", "\u212a", "e", "é", "\u0301", "σ", "ς", "\"", "\\", "\n", "u003c", "<B>"}, texts...)
	for _, on := range []string{"waiting", "on disk"} {
		for _, text := range queries {
			query := search.NewText(text)
			var want []string
			for i := len(entries) - 1; i > 0; i-- {
				if from, _ := query.Find(entries[i].Record.Text(), 0); from >= 0 {
					want = append(want, entries[i].Record.Text())
				}
			}
			for _, st := range []Store{disk, mem} {
				var got []string
				for e, err := range st.Search(t.Context(), text, OrderKey{}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e.Record.Text())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%T, %s, %q (-screen +store):\n%s", st, on, text, diff)
				}
			}
		}
		settle(t, disk)
	}
}

// TestSearchGoesOnBehindABatch: a search that finds nothing among the newest records looks at older ones, and
// ReadAll goes on as well.
func TestSearchGoesOnBehindABatch(t *testing.T) {
	d := open(t, config(t))
	rare, other := newSpeaker(2, 2), newSpeaker(1, 1)
	entries := []Entry{rare.say("", start), rare.say("a needle", start)}
	for i := range readBatch + 10 {
		entries = append(entries, other.say("hay", start.Add(time.Duration(i+1)*time.Second)))
	}
	last := newSpeaker(3, 3)
	entries = append(entries, last.say("", start.Add(time.Hour*24)))
	appendAll(t, d, entries)
	settle(t, d)
	found := 0
	for e, err := range d.Search(t.Context(), "needle", OrderKey{}) {
		if err != nil {
			t.Fatal(err)
		}
		if found++; e.Record.Text() != "a needle" {
			t.Errorf("found %q", e.Record.Text())
		}
	}
	if found != 1 {
		t.Errorf("%d found", found)
	}
	found = 0
	for _, err := range d.ReadAll(t.Context(), start.Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != len(entries) {
		t.Errorf("%d records read of %d", found, len(entries))
	}
}
