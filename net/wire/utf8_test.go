package wire

import "testing"

func TestTruncateUTF8(t *testing.T) {
	for _, c := range []struct {
		text string
		size int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""},
		{"aé", 2, "a"}, {"aé", 3, "aé"}, {"日本", 5, "日"}, {"a😀b", 4, "a"}, {"a😀b", 5, "a😀"},
		{"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"}, // no character begins in it
	} {
		if got := TruncateUTF8(c.text, c.size); got != c.want {
			t.Errorf("%q cut to %d bytes is %q, want %q", c.text, c.size, got, c.want)
		}
	}
	if got := TruncateUTF8("é", 1); got != "" {
		t.Errorf("half a character is cut to %q, want nothing", got)
	}
}
