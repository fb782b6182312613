package screen

import (
	"fmt"
	"strings"
	"testing"

	"chat.lan/p2pchat/tui/sanitize"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDiffWritesOnlyWhatChanged(t *testing.T) {
	base := Frame{Rows: []string{"one", "two", "three"}, CursorX: 2, CursorY: 1, CursorVisible: true, Title: sanitize.Line("room")}
	with := func(change func(*Frame)) Frame {
		f := base
		f.Rows = append([]string(nil), base.Rows...)
		change(&f)
		return f
	}
	for name, tt := range map[string]struct {
		frame Frame
		want  string
	}{
		"nothing":     {base, ""},
		"one row":     {with(func(f *Frame) { f.Rows[2] = "3" }), "\x1b[3;1H\x1b[m\x1b[K3\x1b[m\x1b[2;3H"},
		"a row less":  {with(func(f *Frame) { f.Rows = f.Rows[:2] }), "\x1b[3;1H\x1b[m\x1b[K\x1b[m\x1b[2;3H"},
		"cursor":      {with(func(f *Frame) { f.CursorX = 0 }), "\x1b[2;1H"},
		"hide cursor": {with(func(f *Frame) { f.CursorVisible = false }), "\x1b[?25l"},
		"title":       {with(func(f *Frame) { f.Title = sanitize.Line("a\x1b]0;b\a\u009cc\n") }), "\x1b]2;a␛]0;b␇c \a"},
		"no title":    {with(func(f *Frame) { f.Title = sanitize.SafeText{} }), ""},
		"rows past the end and a cursor outside": {
			with(func(f *Frame) { f.Rows = append(f.Rows, "four"); f.CursorX, f.CursorY = 99, -1 }), "\x1b[1;10H",
		},
	} {
		t.Run(name, func(t *testing.T) {
			old := new(shown).next(base, 10, 3)
			now := old.next(tt.frame, 10, 3)
			want := tt.want
			if want != "" {
				want = syncBegin + want + syncEnd
			}
			got := string(appendDiff([]byte("kept"), &old, &now, false))
			if diff := cmp.Diff("kept"+want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDiffPaintsAllAfterAResize(t *testing.T) {
	f := Frame{Rows: []string{"one", "", "three"}, CursorVisible: true, Title: sanitize.Line("room")}
	old := new(shown).next(f, 10, 3)
	now := old.next(f, 11, 3)
	want := "\x1b[?2026h\x1b[m\x1b[?7l\x1b[2J\x1b[1;1H\x1b[mone\x1b[3;1H\x1b[mthree\x1b[m\x1b[1;1H\x1b[?25h\x1b]2;room\a\x1b[?2026l"
	if diff := cmp.Diff(want, string(appendDiff(nil, &old, &now, false))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A frame may be composed in the same slice again: the content shown must not change with it.
func TestShownKeepsItsOwnRows(t *testing.T) {
	rows := []string{"old"}
	before := new(shown).next(Frame{Rows: rows}, 5, 1)
	rows[0] = "new"
	after := before.next(Frame{Rows: rows}, 5, 1)
	if got := string(appendDiff(nil, &before, &after, false)); !strings.Contains(got, "new") {
		t.Errorf("the change was not seen: %q", got)
	}
}

// pieces are what rows are made of: each a grapheme, wide and narrow. (No keycaps and no ASCII
// letters with accents: the emulator splits those. See the test of disputed widths.)
var pieces = []string{
	"a", "b", " ", "~", "é", "é\u0323", "ß", "│", "─", "漢", "字", "한", "ｱ", "👍", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈",
	"🇨🇭", "🇩🇪", "❤️", "☺", "🧑🏿‍🚀", "…", "ا", "ก็",
}

// styles are what stands before a piece; none is closed.
var styles = []string{"", "", "", "\x1b[1m", "\x1b[7m", "\x1b[38;5;42m", "\x1b[48;2;1;2;3m", "\x1b[m"}

// genRow draws a row at most width cells wide.
func genRow(rt *rapid.T, width int) string {
	var b strings.Builder
	used := 0
	for range rapid.IntRange(0, width+2).Draw(rt, "pieces") {
		p := rapid.SampledFrom(pieces).Draw(rt, "piece")
		if used += ansi.StringWidth(p); used > width {
			break
		}
		b.WriteString(rapid.SampledFrom(styles).Draw(rt, "style") + p)
	}
	return b.String()
}

// genFrame draws a frame that may share rows with the one before.
func genFrame(rt *rapid.T, before Frame, width, height int) Frame {
	f := Frame{
		CursorX: rapid.IntRange(-1, width).Draw(rt, "x"), CursorY: rapid.IntRange(-1, height).Draw(rt, "y"),
		CursorVisible: rapid.Bool().Draw(rt, "visible"),
	}
	for y := range rapid.IntRange(0, height+1).Draw(rt, "rows") {
		if y < len(before.Rows) && ansi.StringWidth(before.Rows[y]) <= width && rapid.Bool().Draw(rt, "same") {
			f.Rows = append(f.Rows, before.Rows[y])
		} else {
			f.Rows = append(f.Rows, genRow(rt, width))
		}
	}
	return f
}

// emulator is a terminal whose cursor we can see.
type emulator struct {
	*vt.Emulator
	visible bool
}

func newEmulator(width, height int) *emulator {
	e := &emulator{Emulator: vt.NewEmulator(width, height), visible: true}
	e.SetCallbacks(vt.Callbacks{CursorVisibility: func(v bool) { e.visible = v }})
	return e
}

// text returns the emulator's rows, without styles and without blanks at the ends.
func (e *emulator) text() []string {
	rows := strings.Split(ansi.Strip(e.Render()), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " \r")
	}
	return rows
}

// Whatever the frames were, the terminal shows the last one: its text, its styles, its cursor.
func TestTerminalShowsTheLastFrame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		width, height := rapid.IntRange(1, 24).Draw(rt, "width"), rapid.IntRange(1, 6).Draw(rt, "height")
		emu := newEmulator(width, height)
		defer emu.Close()
		emu.WriteString(take)

		var state shown
		var f Frame
		for i := range rapid.IntRange(1, 8).Draw(rt, "frames") {
			if i > 0 && rapid.IntRange(0, 3).Draw(rt, "resize") == 0 {
				width, height = rapid.IntRange(1, 24).Draw(rt, "width"), rapid.IntRange(1, 6).Draw(rt, "height")
				emu.Resize(width, height)
			}
			f = genFrame(rt, f, width, height)
			now := state.next(f, width, height)
			emu.Write(appendDiff(nil, &state, &now, i == 0 || rapid.IntRange(0, 5).Draw(rt, "full") == 0))
			state = now

			want := make([]string, height)
			for y := range want {
				if y < len(f.Rows) {
					want[y] = strings.TrimRight(ansi.Strip(f.Rows[y]), " ")
				}
			}
			if diff := cmp.Diff(want, emu.text()); diff != "" {
				rt.Fatalf("frame %d: text (-want +got)\n%s", i, diff)
			}
			fresh := newEmulator(width, height)
			fresh.WriteString(take)
			var none shown
			fresh.Write(appendDiff(nil, &none, &now, true))
			if diff := cmp.Diff(fresh.Render(), emu.Render()); diff != "" {
				rt.Fatalf("frame %d: not what a full paint shows (-want +got)\n%s", i, diff)
			}
			fresh.Close()
			if emu.visible != f.CursorVisible {
				rt.Fatalf("frame %d: cursor visible = %v", i, emu.visible)
			}
			if p := emu.CursorPosition(); f.CursorVisible && (p.X != now.x || p.Y != now.y) {
				rt.Fatalf("frame %d: cursor at %v, want %d, %d", i, p, now.x, now.y)
			}
		}
	})
}

// A terminal that gives an emoji another width than we measured neither wraps, nor moves what is
// placed by MoveToColumn, nor keeps anything of it once it is gone.
func TestRowsWithDisputedWidthsStayInTheirPlace(t *testing.T) {
	const width = 12
	for _, emoji := range []string{"1️⃣", "☺️", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "👩‍👩‍👧‍👦"} {
		// As a terminal that knows no clusters: every code point on its own.
		var split strings.Builder
		for _, r := range emoji {
			split.WriteString(string(r) + "\x1b[m")
		}
		emu := newEmulator(width, 3)
		emu.WriteString(take)
		var state shown
		draw := func(rows ...string) {
			now := state.next(Frame{Rows: rows}, width, 3)
			emu.Write(appendDiff(nil, &state, &now, state.width == 0))
			state = now
		}
		draw("top"+MoveToColumn(width-1)+"|", strings.Repeat(split.String(), 9)+MoveToColumn(width-1)+"|", "end")
		rows := emu.text()
		if !strings.HasPrefix(rows[0], "top") || rows[2] != "end" {
			t.Errorf("%s wrapped into its neighbours: %q", emoji, rows)
		}
		if c := emu.CellAt(width-1, 1); c == nil || c.Content != "|" {
			t.Errorf("%s moved the border: %q", emoji, rows)
		}
		draw("top"+MoveToColumn(width-1)+"|", "x"+MoveToColumn(width-1)+"|", "end")
		want := []string{fmt.Sprintf("top%*s", width-3, "|"), fmt.Sprintf("x%*s", width-1, "|"), "end"}
		if diff := cmp.Diff(want, emu.text()); diff != "" {
			t.Errorf("%s left remains (-want +got)\n%s", emoji, diff)
		}
		emu.Close()
	}
}
