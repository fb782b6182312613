package composer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

func testPane(complete func(string, bool) []Candidate) *Pane {
	p := New(Config{Theme: theme.New(theme.Look{Profile: termenv.Ascii}), Complete: complete, Hint: sanitize.Trusted("hint")})
	p.Height(80)
	return p
}

// setText replaces the text and puts the cursor at its end.
func setText(p *Pane, text string) {
	p.e.set(text)
	p.history.leave()
	p.offer(false)
}

// at parses a text with a | where the cursor stands.
func at(s string) editor {
	head, tail, _ := strings.Cut(s, "|")
	return editor{text: head + tail, at: len(head), width: 20}
}

func (e *editor) String() string { return e.text[:e.at] + "|" + e.text[e.at:] }

func TestOps(t *testing.T) {
	for _, c := range []struct {
		from string
		op   Op
		to   string
	}{
		{"ab|c", Left, "a|bc"},
		{"|abc", Left, "|abc"},
		{"ab|c", Right, "abc|"},
		{"abc|", Right, "abc|"},
		{"a👩\u200d🚀|b", Left, "a|👩\u200d🚀b"},
		{"a|🇩🇪🇫🇷", Right, "a🇩🇪|🇫🇷"},
		{"e\u0301|x", Left, "|e\u0301x"},
		{"a\n|b", Left, "a|\nb"},
		{"one two|", WordLeft, "one |two"},
		{"one, | two", WordLeft, "|one,  two"},
		{"|one two", WordRight, "one| two"},
		{"one|, two", WordRight, "one, two|"},
		{"a\nbc|d\ne", Home, "a\n|bcd\ne"},
		{"a\nb|cd\ne", End, "a\nbcd|\ne"},
		{"ab|c", Backspace, "a|c"},
		{"|abc", Backspace, "|abc"},
		{"日本|", Backspace, "日|"},
		{"x👍🏽|", Backspace, "x|"},
		{"1\ufe0f\u20e3|", Backspace, "|"},
		{"a\n|b", Backspace, "a|b"},
		{"ab|c", Delete, "ab|"},
		{"a|\nb", Delete, "a|b"},
		{"a\nbc|d\ne", KillStart, "a\n|d\ne"},
		{"a\nb|cd\ne", KillEnd, "a\nb|\ne"},
		{"a|\nb", KillEnd, "a|b"},
		{"one two-three |", KillWord, "one |"},
		{"one two-three|", KillBack, "one two-|"},
		{"one| two three", KillNext, "one| three"},
		{"ab|", Transpose, "ba|"},
		{"a|bc", Transpose, "ba|c"},
		{"|ab", Transpose, "|ab"},
		{"a\n|b", Transpose, "a\n|b"},
	} {
		e := at(c.from)
		did := e.apply(c.op)
		if got := e.String(); got != c.to || did != (c.from != c.to) {
			t.Errorf("%v on %q gives %q and %v, want %q", c.op, c.from, got, did, c.to)
		}
	}
}

func TestKillsInARowAddUp(t *testing.T) {
	e := at("one two three|")
	e.apply(KillWord)
	e.apply(KillWord)
	e.apply(Yank)
	if got := e.String(); got != "one two three|" {
		t.Errorf("two words killed and brought back: %q", got)
	}
	e.apply(Left)
	e.apply(KillEnd)
	e.apply(Yank)
	if got := e.String(); got != "one two three|" {
		t.Errorf("a kill after a move stands alone: %q", got)
	}
}

// Typed text is sanitized where it stands: a mark is dropped by itself, and stays behind a letter.
func TestTypingSanitizes(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"e \u0301", "e \u25cc\u0301"},
		{"e\u0301", "e\u0301"},
		{"👩\x00\u200d\x00🚀", "👩\u200d🚀"}, // in three keys
		{"❤\x00\ufe0f", "❤"},             // waits for a key that doesn't come
		{"❤\x00\ufe0f\x00!", "❤\ufe0f!"},
		{"a\x1b[31mb", "ab"},
		{"a\u202eb", "ab"},
	} {
		e := at("|")
		for key := range strings.SplitSeq(c.keys, "\x00") {
			e.insert(key)
		}
		if want := c.want; want != e.text {
			if strings.Contains(want, "\u25cc") { // whatever stands for a lone mark, sanitize knows it
				want = sanitize.Block(c.keys).String()
			}
			if e.text != want {
				t.Errorf("typing %q gives %q, want %q", c.keys, e.text, want)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 5, ""},
		{"abc", 5, "abc"},
		{"abcde", 5, "abcde/"}, // the cursor has a row of its own
		{"abcdef", 5, "abcde/f"},
		{"ab cd ef", 5, "ab /cd ef/"},
		{"ab\n\ncd", 5, "ab//cd"},
		{"日本語", 5, "日本/語"},
		{"a verylongword b", 6, "a /verylo/ngword/ b"},
	} {
		var got []string
		for _, s := range wrap(c.text, c.width) {
			got = append(got, c.text[s.start:s.end])
		}
		if g := strings.Join(got, "/"); g != c.want {
			t.Errorf("%q in %d cells: %q, want %q", c.text, c.width, g, c.want)
		}
	}
}

func TestUpAndDownKeepTheColumn(t *testing.T) {
	p := testPane(nil)
	setText(p, "a long first row\nab\na third row")
	for _, c := range []struct {
		op   Op
		want string
	}{
		{Up, "a long first row\nab|\na third row"},
		{Up, "a long firs|t row\nab\na third row"},
		{Down, "a long first row\nab|\na third row"},
		{Down, "a long first row\nab\na third row|"},
	} {
		p.Apply(c.op)
		if got := p.e.String(); got != c.want {
			t.Errorf("%v: %q, want %q", c.op, got, c.want)
		}
	}
}

func TestHistoryKeepsTheDraft(t *testing.T) {
	p := testPane(nil)
	for _, line := range []string{"first", "second", "second", "third\nrow"} {
		setText(p, line)
		p.Submit()
	}
	setText(p, "draft")
	var got []string
	for _, op := range []Op{Up, Up, Up, Up, Up, Down, Down, Down, Down} {
		did := p.Apply(op)
		got = append(got, fmt.Sprintf("%s %v", strings.ReplaceAll(p.Text(), "\n", "/"), did))
	}
	want := []string{"third/row true", "third/row true", "second true", "first true", "first false",
		"second true", "third/row true", "third/row true", "draft true"}
	// Going up from the end of the two rows passes through the first of them; going down into them
	// does so from the last.
	want[7] = "draft true"
	want[8] = "draft false"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSubmitAndClear(t *testing.T) {
	p := testPane(nil)
	setText(p, " \n ")
	if got := p.Submit(); got != "" || !p.IsEmpty() {
		t.Errorf("white space was taken as %q", got)
	}
	p.Type("oops")
	if p.Clear(); !p.IsEmpty() {
		t.Error("Clear didn't clear")
	}
	p.Clear()
	p.Apply(Yank)
	if p.Text() != "oops" {
		t.Errorf("the cleared text comes back as %q", p.Text())
	}
}

func TestPaste(t *testing.T) {
	p := testPane(nil)
	p.Type("look: ")
	if err := p.Paste("one\r\ntwo\rthree\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := p.Text(), "look: one\ntwo\nthree"; got != want {
		t.Errorf("a paste gives %q, want %q", got, want)
	}
	long := strings.Repeat("0123456789abcde\n", 2000) // 32,000 bytes
	for range 2 {
		if err := p.Paste(long); err != nil {
			t.Fatal(err)
		}
	}
	rows, _, _ := p.Rows(80, p.Height(80))
	if got := ansi.Strip(rows[len(rows)-1]); !strings.Contains(got, "[pasted: 4000 lines, 62.5 KiB") {
		t.Errorf("a long paste is shown as %q", got)
	}
	if err := p.Paste(strings.Repeat("x", MaxPasted-1000)); err == nil || !strings.Contains(err.Error(), "1.1 MiB") {
		t.Errorf("a paste over the limit: %v", err)
	}
	p.Apply(Backspace) // takes a letter: the text isn't empty
	if got := p.Submit(); got != "look: one\ntwo\nthre\n"+strings.TrimSpace(long)+"\n"+strings.TrimSpace(long) {
		t.Errorf("taken: %d bytes beginning with %q", len(got), got[:40])
	}
	if err := p.Paste(long); err != nil {
		t.Fatal(err)
	}
	if p.Apply(Backspace); !p.IsEmpty() {
		t.Error("Backspace on an empty line didn't drop the paste")
	}
}

func TestATextHasALimit(t *testing.T) {
	p := testPane(nil)
	setText(p, strings.Repeat("x", MaxText))
	if p.Type("y") || len(p.Text()) != MaxText {
		t.Error("typed past the limit")
	}
	p.e.killed = "zzz"
	if p.Apply(Yank); len(p.Text()) != MaxText {
		t.Error("yanked past the limit")
	}
}

func TestCompletion(t *testing.T) {
	words := []string{"/help ", "/hide ", "/nick "}
	p := testPane(func(before string, asked bool) (out []Candidate) {
		for _, w := range words {
			if strings.HasPrefix(w, before) {
				out = append(out, Candidate{Line: w, Label: sanitize.Line(w), Help: sanitize.Trusted("help")})
			}
		}
		return out
	})
	p.Type("/")
	if p.ListHeight() != 3 {
		t.Fatalf("%d ways to go on from a slash", p.ListHeight())
	}
	p.Type("h")
	var got []string
	for _, step := range []int{1, 1, 1, -1} {
		p.Complete(step)
		got = append(got, p.Text())
	}
	if diff := cmp.Diff([]string{"/help ", "/hide ", "/help ", "/hide "}, got); diff != "" {
		t.Errorf("Tab, Tab, Tab, Shift+Tab (-want +got)\n%s", diff)
	}
	if rows := p.ListRows(40); len(rows) != 2 || !strings.Contains(ansi.Strip(rows[1]), "▸ /hide") {
		t.Errorf("the list is %q", rows)
	}
	if !p.CloseList() || p.CloseList() || p.ListHeight() != 0 {
		t.Error("Esc didn't close the list once")
	}
	p.Apply(Backspace)
	if p.ListHeight() != 0 {
		t.Error("a list that was closed came back by itself")
	}
	p.Clear()
	p.Type("/n")
	if p.Complete(1); p.Text() != "/nick " || p.ListHeight() != 0 {
		t.Errorf("the only way to go on: %q, %d more", p.Text(), p.ListHeight())
	}
	if setText(p, "no"); p.Complete(1) {
		t.Error("completed what can't be")
	}
	setText(p, "/n tail")
	p.Apply(Home)
	p.Apply(Right)
	p.Apply(Right)
	if p.Complete(1); p.Text() != "/nick  tail" {
		t.Errorf("completed before a tail: %q", p.Text())
	}
}

func TestRowsScrollWithTheCursor(t *testing.T) {
	p := testPane(nil)
	setText(p, "1\n2\n3\n4\n5\n6\n7")
	if h := p.Height(20); h != MaxRows {
		t.Fatalf("seven rows want %d", h)
	}
	show := func() string {
		rows, x, y := p.Rows(20, MaxRows)
		for i := range rows {
			rows[i] = strings.TrimSpace(ansi.Strip(rows[i]))
		}
		return fmt.Sprint(strings.Join(rows, " "), " ", x, ",", y)
	}
	got := []string{show()}
	for range 5 {
		p.Apply(Up)
	}
	got = append(got, show())
	p.Apply(Up)
	got = append(got, show())
	want := []string{"↑ 3 4 5 6 7 4,4", "↑ 2 3 4 5 6 4,0", "› 1 2 3 4 5 4,0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Only the latest texts are remembered.
func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range maxHistory + 10 {
		h.add(fmt.Sprint(i))
	}
	last := ""
	n := 0
	for line, ok := h.move(-1, "draft"); ok; line, ok = h.move(-1, "draft") {
		last, n = line, n+1
	}
	if n != maxHistory || last != "10" {
		t.Errorf("%d lines are remembered, the oldest is %q", n, last)
	}
}
