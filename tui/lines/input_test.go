package lines

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/muesli/cancelreader"
	"pgregory.net/rapid"
)

// read is all lines of r; an error shows as "! text | hint".
func read(r io.Reader) (got []string) {
	readLines(r, func(l line) bool {
		switch {
		case l.fail == nil:
			got = append(got, l.text)
		case l.fail.Hint == "":
			got = append(got, "! "+l.fail.Text)
		default:
			got = append(got, "! "+l.fail.Text+" | "+l.fail.Hint)
		}
		return true
	})
	return got
}

func TestReadLines(t *testing.T) {
	full := strings.Repeat("x", maxLine)
	refused := "! a line of 1048577 bytes is too long and was not sent | a line has at most 1048576 bytes (1 MiB): send it in several"
	for name, test := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":         {"", nil},
		"two":             {"a\nb\n", []string{"a", "b"}},
		"no newline":      {"a\nb", []string{"a", "b"}},
		"CRLF":            {"a\r\nb\r\n\r\n", []string{"a", "b", ""}},
		"one CR is text":  {"a\rb\r\r\n", []string{"a\rb\r"}},
		"CR at the end":   {"a\r", []string{"a\r"}},
		"empty lines":     {"\n\na\n\n", []string{"", "", "a", ""}},
		"not UTF-8":       {"a\xff\xfeb\n\xc3", []string{"a\uFFFDb", "\uFFFD"}},
		"as long as can":  {full + "\n" + full + "\r\n" + full, []string{full, full, full}},
		"one byte more":   {full + "x\nafter\n", []string{refused, "after"}},
		"one more at end": {"before\n" + full + "x", []string{"before", refused}},
		"far too long":    {strings.Repeat(full, 3) + "\r\nafter", []string{strings.Replace(refused, "1048577", "3145729", 1), "after"}},
		"NUL is text":     {"a\x00b\n", []string{"a\x00b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, read(strings.NewReader(test.in))); diff != "" {
				t.Errorf("%.2000s", diff)
			}
		})
	}
}

func TestReadLinesInAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []string
		var in strings.Builder
		for range rapid.IntRange(0, 20).Draw(t, "lines") {
			text := strings.Repeat(rapid.StringMatching(`[a-zé ]{0,9}`).Draw(t, "text"), rapid.SampledFrom([]int{1, 1, 9000}).Draw(t, "times"))
			want = append(want, text)
			in.WriteString(text + rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		}
		var r io.Reader = strings.NewReader(in.String())
		switch rapid.IntRange(0, 2).Draw(t, "pieces") {
		case 0:
			r = iotest.HalfReader(r)
		case 1:
			r = iotest.DataErrReader(r)
		}
		if diff := cmp.Diff(want, read(r)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestReadLinesAfterAnError(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(errors.New("unplugged")))
	want := []string{"a", "b", "! standard input can't be read: unplugged"}
	if diff := cmp.Diff(want, read(broken)); diff != "" {
		t.Error(diff)
	}
	canceled := io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(cancelreader.ErrCanceled))
	if diff := cmp.Diff([]string{"a"}, read(canceled)); diff != "" {
		t.Error(diff)
	}
}
