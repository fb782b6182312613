package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// letters have more than one case, or look as if they had.
var letters = []rune("abkKsSiIßẞ\u212a\u017fİıéÉσςΣ\u0301. 日\U0001F44D")

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name, text, query string
		from, to          int
	}{
		{"nothing", "anything", "", -1, -1},
		{"in nothing", "", "a", -1, -1},
		{"ASCII", "Lunch at NOON", "noon", 9, 13},
		{"not there", "Lunch at noon", "moon", -1, -1},
		{"longer than the text", "no", "noon", -1, -1},
		{"accented", "CAFÉ", "café", 0, 5},
		{"a composed accent is no combining one", "cafe\u0301", "café", -1, -1},
		{"the letter before a combining accent", "cafe\u0301", "cafe", 0, 4},
		{"long s", "Wachſtube", "WACHSTUBE", 0, 10},
		{"s by a long s", "wachstube", "ſ", 4, 5},
		{"Kelvin sign", "at 300 \u212a", "k", 7, 10},
		{"k by a Kelvin sign", "Kilo", "\u212a", 0, 1},
		{"sharp s is not ss", "Straße", "strasse", -1, -1},
		{"capital sharp s", "STRAẞE", "straße", 0, 8},
		{"dotted capital i is no i", "İzmir", "izmir", -1, -1},
		{"dotless i is no i", "ılık", "ilik", -1, -1},
		{"dotted capital i", "in İzmir", "İZMİR", -1, -1},
		{"final sigma", "ΣΊΣΥΦΟΣ", "σίσυφος", 0, 14},
		{"no letters", "日本 👍", "👍", 7, 11},
		{"invalid UTF-8 before it", "\xff\xfeNoon", "noon", 2, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			query := NewText(c.query)
			if from, to := query.Find(c.text, 0); from != c.from || to != c.to {
				t.Errorf("Find: %d to %d, want %d to %d", from, to, c.from, c.to)
			}
			if got := query.Contains(c.text); got != (c.from >= 0) {
				t.Errorf("Contains: %v, want %v", got, c.from >= 0)
			}
		})
	}
}

func TestFindFromOffset(t *testing.T) {
	query := NewText("on")
	if from, to := query.Find("on and ON", 1); from != 7 || to != 9 {
		t.Errorf("%d to %d, want 7 to 9", from, to)
	}
	if from, _ := query.Find("on and ON", 8); from != -1 {
		t.Errorf("found at %d behind the last", from)
	}
}

// Find agrees with strings.EqualFold at every place, and Contains with Find.
func TestFoldsAsUnicode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom(letters)).Draw(t, "text")
		want := rapid.StringOfN(rapid.SampledFrom(letters), 1, 3, -1).Draw(t, "want")
		query := NewText(want)
		first := -1
		runes, all := utf8.RuneCountInString(want), []rune(text)
		for i := 0; i+runes <= len(all); i++ {
			if strings.EqualFold(string(all[i:i+runes]), want) {
				first = len(string(all[:i]))
				break
			}
		}
		from, to := query.Find(text, 0)
		if from != first || from >= 0 && !strings.EqualFold(text[from:to], want) {
			t.Fatalf("%q in %q: from %d to %d, want from %d", want, text, from, to, first)
		}
		if got := query.Contains(text); got != (first >= 0) {
			t.Fatalf("Contains of %q in %q: %v", want, text, got)
		}
	})
}

func BenchmarkContains(b *testing.B) {
	text := "line 1234 of the usual length, about what to have for lunch, and where, and who pays for it"
	for _, query := range []string{"needle", "kayak", "größe"} {
		b.Run(query, func(b *testing.B) {
			t := NewText(query)
			for b.Loop() {
				if t.Contains(text) {
					b.Fatal("found")
				}
			}
		})
	}
}
