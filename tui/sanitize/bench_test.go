package sanitize

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// The baseline is ansi.Strip, which does less, over the same text.
func BenchmarkLine(b *testing.B) {
	for _, tc := range []struct{ name, text string }{
		{"ascii", strings.Repeat("plain words of a chat line ", 4)},
		{"real", strings.Repeat("Größe 你好 שלום हिन्दी 👍🏽 ", 3)},
		{"hostile", strings.Repeat("\x1b[31m\u202e\x00\u200bx\xff", 8)},
	} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(tc.text)))
			for b.Loop() {
				Line(tc.text)
			}
		})
		b.Run(tc.name+"/strip", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(tc.text)))
			for b.Loop() {
				ansi.Strip(tc.text)
			}
		})
	}
}
