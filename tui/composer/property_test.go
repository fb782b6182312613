package composer

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/tui/sanitize"
)

// hostile lists texts that keys and pastes can produce.
var hostile = []string{"a", "Z", " ", "\n", "é", "e\u0301", "\u0301", "日", "👍🏽", "👩\u200d🚀", "\u200d", "\ufe0f", "🇩🇪", "🇩", "1\ufe0f\u20e3",
	"\u202e", "\x1b", "\t", "ﷺ", "ᄀ", "ᅡ", "\u0600", "क्ष", "/", "@", "\xff", "\u2028", "-"}

// check checks what holds after every key.
func check(t interface{ Fatalf(string, ...any) }, p *Pane, width int) {
	e := &p.e
	if got := sanitize.Block(e.text).String(); got != e.text {
		t.Fatalf("the text isn't clean: %q", e.text)
	}
	if e.at < 0 || e.at > len(e.text) || snap(e.text, e.at) != e.at {
		t.Fatalf("the cursor stands within a grapheme: %d in %q", e.at, e.text)
	}
	h := p.Height(width)
	if h < 1 || h > MaxRows {
		t.Fatalf("the height is %d", h)
	}
	rows, x, y := p.Rows(width, h)
	if len(rows) != h || x < 0 || x >= width || y < 0 || y >= h {
		t.Fatalf("%d rows of %d, the cursor at %d, %d", len(rows), h, x, y)
	}
	for _, row := range append(rows, p.ListRows(width)...) {
		if w := ansi.StringWidth(row); w > width {
			t.Fatalf("a row of %d cells takes %d: %q", width, w, row)
		}
	}
}

func TestWhateverIsTyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPane(func(before string, asked bool) []Candidate {
			return []Candidate{{Line: before + "x", Label: sanitize.Line(before)}, {Line: "日", Label: sanitize.Line("日"), Help: sanitize.Line(before)}}[:len(before)%3]
		})
		width := rapid.IntRange(8, 60).Draw(t, "width")
		for range rapid.IntRange(1, 40).Draw(t, "keys") {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0, 1, 2, 3:
				p.Type(rapid.SampledFrom(hostile).Draw(t, "key"))
			case 4:
				_ = p.Paste(strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 0, 20).Draw(t, "paste"), ""))
			case 5:
				p.Complete(rapid.SampledFrom([]int{-1, 1}).Draw(t, "step"))
			case 6:
				if rapid.IntRange(0, 4).Draw(t, "take") == 0 {
					p.Submit()
				} else {
					width = rapid.IntRange(8, 60).Draw(t, "width")
				}
			default:
				p.Apply(Op(rapid.IntRange(int(Left), int(Newline)).Draw(t, "op")))
			}
			check(t, p, width)
		}
	})
}

// Left and Right, Home and End go through all of a text and back.
func TestTheCursorReachesEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPane(nil)
		setText(p, strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 0, 30).Draw(t, "text"), ""))
		n := 0
		for p.Apply(Left) {
			n++
		}
		if p.e.at != 0 {
			t.Fatalf("Left stops at %d of %q", p.e.at, p.e.text)
		}
		for range n {
			if !p.Apply(Right) {
				t.Fatal("fewer steps to the right than to the left")
			}
		}
		if p.e.at != len(p.e.text) {
			t.Fatalf("as many steps to the right end at %d of %d", p.e.at, len(p.e.text))
		}
	})
}

func FuzzCompose(f *testing.F) {
	f.Add("hello", "pasted\r\ntext", []byte{1, 2, 3, 9, 12, 16}, 40)
	f.Add("👩\u200d🚀e\u0301🇩🇪\x1b[2J", "\u202e\n\n\t", []byte{1, 1, 9, 9, 7, 8, 15}, 9)
	f.Fuzz(func(t *testing.T, typed, pasted string, ops []byte, width int) {
		width = 8 + int(uint(width)%120)
		p := testPane(nil)
		p.Type(typed)
		check(t, p, width)
		_ = p.Paste(pasted)
		check(t, p, width)
		for _, op := range ops[:min(len(ops), 64)] {
			p.Apply(Op(op%byte(Newline)) + 1)
			check(t, p, width)
		}
		p.Submit()
		check(t, p, width)
	})
}

func BenchmarkTypeAtTheEndOfALongText(b *testing.B) {
	p := testPane(nil)
	setText(p, strings.Repeat("a word and ", 700))
	b.ReportAllocs()
	for b.Loop() {
		p.Type("x")
		p.Apply(Backspace)
		p.Rows(100, p.Height(100))
	}
}
