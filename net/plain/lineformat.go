package plain

import (
	"strings"
	"unicode"
)

// formatLine returns a message as line clients see it. Every row begins with the name, so that nothing
// can be written in another's name, and only visible characters reach the client's terminal. An empty name is for two
// people alone: only the other can write then.
func formatLine(name, text string) []byte {
	if given := name; given != "" {
		if name = dropInvisible(given); strings.TrimSpace(name) == "" {
			name = "?" // an invisible name is no way round the rule
		}
	}
	var out strings.Builder
	for row := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if name != "" {
			out.WriteString(name)
			out.WriteString(": ")
		}
		out.WriteString(dropInvisible(row))
		out.WriteByte('\n')
	}
	return []byte(out.String())
}

// dropInvisible drops controls, with them those of escape sequences, and characters without a form of their
// own: bidi overrides, zero-width characters, line separators.
func dropInvisible(s string) string {
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
