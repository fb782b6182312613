package theme_test

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

func TestRow(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.Ascii})
	text := sanitize.Trusted
	for _, test := range []struct {
		name string
		row  *theme.Row
		want string
		left int
	}{
		{"columns", th.Row(12).Put(th.Dim, text("a")).PadTo(th.Dim, 4).Put(th.Text, text("b")), "a   b", 7},
		{"text that fits", th.Row(5).Put(th.Text, text("hello")), "hello", 0},
		{"text that is cut", th.Row(4).Put(th.Text, text("hello")), "hel…", 0},
		{"text in a column", th.Row(12).PutWithin(th.Text, text("hello"), 3).Put(th.Text, text("!")), "he…!", 8},
		{"a wide character that doesn't fit", th.Row(4).Put(th.Text, text("日本語")), "日…", 1},
		{"text behind a full row", th.Row(2).Put(th.Text, text("ab")).Put(th.Text, text("c")).Space(th.Text, 1), "ab", 0},
		{"a rule", th.Row(6).Put(th.Text, text("a")).FillTo(th.Dim, th.HRule, 9), "a─────", 0},
		{"columns that have passed", th.Row(6).Put(th.Text, text("abc")).PadTo(th.Text, 2).FillTo(th.Text, th.HRule, 3).Space(th.Text, -1), "abc", 3},
		{"no cells", th.Row(-1).Put(th.Text, text("a")), "", 0},
		{"no text", th.Row(3).Put(th.Text, sanitize.SafeText{}), "", 3},
	} {
		if got := test.row.String(); got != test.want || test.row.Left() != test.left {
			t.Errorf("%s: %q with %d left, want %q with %d", test.name, got, test.row.Left(), test.want, test.left)
		}
	}
}

// MoveTo also moves the cursor, so that the text behind an emoji stands in its column on any terminal.
func TestRowMovesTheCursor(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.Ascii})
	row := func(x int) string { return th.Row(6).Put(th.Text, sanitize.Trusted("ab")).MoveTo(th.Text, x).String() }
	for x, want := range map[int]string{
		4: "ab  " + ansi.CursorHorizontalAbsolute(5), 2: "ab" + ansi.CursorHorizontalAbsolute(3),
		1: "ab", 6: "ab    ", 9: "ab    ", // a column that has passed, or is behind the row
	} {
		if got := row(x); got != want {
			t.Errorf("moved to %d: %q, want %q", x, got, want)
		}
	}
}

// Each part of a row turns its style off again, so that none runs into the next.
func TestRowEndsItsStyles(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.ANSI256})
	x := sanitize.Trusted("x")
	got := th.Row(4).Put(th.Bad, x).Space(th.Bar, 1).Put(th.Text, x).FillTo(th.Dim, x, 4).String()
	if want := th.Bad.Render(x) + th.Bar.Render(sanitize.Trusted(" ")) + "x" + th.Dim.Render(x); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := th.Bad.Render(sanitize.SafeText{}); got != "" {
		t.Errorf("no text is drawn as %q", got)
	}
}
