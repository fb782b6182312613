package sanitize

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func rowsOf(ts []SafeText) []string {
	rows := make([]string, len(ts))
	for i, t := range ts {
		rows[i] = t.String()
	}
	return rows
}

func TestShape(t *testing.T) {
	dots := Trusted("…")
	for _, tc := range []struct {
		in    string
		cells int
		want  string
	}{
		{"hello", 5, "hello"}, {"hello", 4, "hel…"}, {"hello", 1, "…"}, {"hello", 0, ""}, {"hello", -1, ""},
		{"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"👩🏽‍🚀👩🏽‍🚀", 3, "👩🏽‍🚀…"},
	} {
		if got := Line(tc.in).Cut(tc.cells, dots).String(); got != tc.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tc.in, tc.cells, got, tc.want)
		}
	}
	if got := Line("日").Pad(4).String(); got != "日  " {
		t.Errorf("Pad: %q", got)
	}
	if got := Line("long").Pad(2).String(); got != "long" {
		t.Errorf("Pad: %q", got)
	}
	if got := Block("a\n日本\nb").Width(); got != 4 {
		t.Errorf("Width of rows: %d", got)
	}
	if got := Join(Trusted(", "), Line("a"), Line("b"), Line("c")).String(); got != "a, b, c" {
		t.Errorf("Join: %q", got)
	}
	for _, tc := range []struct {
		in    string
		cells int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"日本語です", 4, []string{"日本", "語で", "す"}},
		{"a\n\nb", 4, []string{"a", "", "b"}},
		{"日", 0, []string{"日"}},
		{"  indented text", 8, []string{"  indent", "ed text"}},
		{"  in den ted", 6, []string{"  in", "den", "ted"}},
		{"ends in space   ", 13, []string{"ends in space"}},
		{"a      b", 3, []string{"a", "b"}},
		{"      b", 3, []string{"", "b"}},
		{"hello 日本語です", 9, []string{"hello 日", "本語です"}},
		{"日本語。です", 6, []string{"日本", "語。で", "す"}},
		{"well-known fact", 7, []string{"well-", "known", "fact"}},
		{"a -b --cc", 5, []string{"a -b", "--cc"}},
		{"ab --cc", 5, []string{"ab", "--cc"}},
		{"1️⃣1️⃣1️⃣", 4, []string{"1️⃣1️⃣", "1️⃣"}},
		{"e\u0301e\u0301e\u0301", 2, []string{"e\u0301e\u0301", "e\u0301"}},
	} {
		if d := cmp.Diff(tc.want, rowsOf(Block(tc.in).Wrap(tc.cells))); d != "" {
			t.Errorf("Wrap(%q, %d) (-want +got):\n%s", tc.in, tc.cells, d)
		}
	}
}

// squeeze leaves out the white space, which wrapping may drop at the end of a row.
func squeeze(s string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(s) }

// TestShapeStaysSafe cuts and wraps hostile text: each piece must be safe by itself and fit.
func TestShapeStaysSafe(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := hostile(rt)
		cells := rapid.IntRange(2, 40).Draw(rt, "cells")
		text := Block(in)
		rows := text.Wrap(cells)
		var all string
		for _, row := range rows {
			all += row.String()
		}
		if got, want := squeeze(all), squeeze(text.String()); got != want {
			rt.Fatalf("%+q wrapped at %d lost something: %+q", want, cells, got)
		}
		for _, row := range rows {
			if w := row.Width(); w > cells {
				rt.Fatalf("%+q wrapped at %d: %+q is %d cells", text, cells, row, w)
			}
			if w := ansi.StringWidth("|" + row.String() + "|"); w != row.Width()+2 {
				rt.Fatalf("%+q wrapped at %d: %+q reaches out", text, cells, row)
			}
		}
		if w := Line(in).Cut(cells, Trusted("…")).Width(); w > cells {
			rt.Fatalf("%+q cut at %d is %d cells", in, cells, w)
		}
	})
}
