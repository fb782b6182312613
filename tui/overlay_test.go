package tui

import (
	"testing"

	"chat.lan/p2pchat/tui/sanitize"
)

func TestSplitLabel(t *testing.T) {
	for _, c := range []struct{ line, label, rest string }{
		{"port         8080", "port         ", "8080"},
		{"not kept     303 of Ann, two  spaces", "not kept     ", "303 of Ann, two  spaces"},
		{"one sentence only", "", "one sentence only"},
		{"  indented  text", "  ", "indented  text"},
		{"a long name before  its text", "", "a long name before  its text"},
		{"                        deep", "                ", "        deep"},
		{"", "", ""},
	} {
		label, rest := splitLabel(sanitize.Line(c.line), 16)
		if label.String() != c.label || rest.String() != c.rest {
			t.Errorf("%q: %q and %q, want %q and %q", c.line, label, rest, c.label, c.rest)
		}
	}
}
