package plain

import (
	"strings"
	"unicode"
)

// render makes what a guest sees of a line. Every row begins with the name, so that nobody can write a
// row in another's name, and nothing in it reaches the guest's terminal but what can be seen. An empty
// name is for who is alone with one other: only one can write then.
func render(name, text string) []byte {
	if given := name; given != "" {
		if name = visible(given); strings.TrimSpace(name) == "" {
			name = "?" // a name that can't be seen is no way round the rule
		}
	}
	var out strings.Builder
	for row := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if name != "" {
			out.WriteString(name)
			out.WriteString(": ")
		}
		out.WriteString(visible(row))
		out.WriteByte('\n')
	}
	return []byte(out.String())
}

// visible drops escape sequences' and other controls, and characters that have no form of their own:
// bidi overrides, zero-width ones, line separators.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\u200c' || r == '\u200d' || unicode.IsPrint(r):
			return r // joiners make one emoji of several
		case unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs):
			return -1
		}
		return '\ufffd'
	}, s)
}
