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
