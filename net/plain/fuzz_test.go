package plain

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// split returns the lines of a stream that comes in reads of n bytes.
func split(stream []byte, n int) (out []string, binary bool) {
	var s splitter
	say := func(line string) { out = append(out, line) }
	for b := range reads(stream, n) {
		s.feed(b, say)
	}
	s.end(say)
	return out, s.refused != ""
}

func reads(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			c := b[:min(n, len(b))]
			b = b[len(c):]
			if !yield(c) {
				return
			}
		}
	}
}

// FuzzLines checks that how reads split a stream changes nothing, that lines are UTF-8, without NUL, and
// short enough, and that nothing visible is lost from text.
func FuzzLines(f *testing.F) {
	f.Add([]byte("hello\r\nthere\nbye"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		want, binary := split(stream, len(stream)+1)
		for _, n := range []int{1, 2, 7, 4095} {
			got, again := split(stream, n)
			if d := cmp.Diff(want, got); d != "" || again != binary {
				t.Fatalf("in reads of %d:\n%s", n, d)
			}
		}
		total := 0
		for _, l := range want {
			if !utf8.ValidString(l) || strings.ContainsAny(l, "\n\x00") || len(l) > 3*maxLine || strings.TrimSpace(l) == "" {
				t.Fatalf("said %q", l)
			}
			total += strings.Count(l, "x")
			rows := string(formatLine("a\nb", l))
			if strings.Count(rows, "\n") != 1 || !strings.HasPrefix(rows, "ab: ") || strings.ContainsAny(rows[:len(rows)-1], "\x1b\r\u202e\u200b\u2028") {
				t.Fatalf("written as %q", rows)
			}
		}
		// Binary data is refused, with all that comes after it.
		if n := bytes.Count(stream, []byte("x")); total > n || total < n && !binary {
			t.Fatalf("%d of %d letters", total, bytes.Count(stream, []byte("x")))
		}
	})
}

// FuzzChunks checks that a message's objects fit the seed's buffer, and joined are the message.
func FuzzChunks(f *testing.F) {
	f.Add("Alice", "hello", int64(1))
	f.Add(strings.Repeat("\"", 64), strings.Repeat("\u2028\x01é", 900), int64(1<<40))
	f.Add("\x7f", strings.Repeat("0123456789\n", 300), int64(-1))
	f.Fuzz(func(t *testing.T, name, text string, at int64) {
		var got strings.Builder
		for _, object := range (chat{id: selfID, name: name, text: text}).encode(at) {
			if len(object) > maxObject {
				t.Fatalf("an object of %d bytes", len(object))
			}
			for _, c := range texts(t, []string{string(object)}) {
				got.WriteString(c.Content)
				if len(c.FromName) > maxName || c.FromID != selfID {
					t.Fatalf("from %q", c.FromName)
				}
			}
		}
		if got.String() != strings.ToValidUTF8(text, "\ufffd") {
			t.Fatalf("%q became %q", text, got.String())
		}
		var joined strings.Builder
		for p := range chunks(text, 16, utf8.RuneLen) {
			if len(p) > 16 || p == "" {
				t.Fatalf("a piece %q", p)
			}
			joined.WriteString(p)
		}
		if joined.String() != text {
			t.Fatalf("%q became %q", text, joined.String())
		}
	})
}
