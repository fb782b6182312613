package sanitize

import (
	"strings"
	"unicode"
)

// MaxName is the greatest length of a name, in bytes.
const MaxName = 64

// Nameless replaces a name of which nothing is left.
const Nameless = "?"

// maxRawName is how many bytes of a name are read. The frame that brought it may hold 64 KiB.
const maxRawName = 1024

// Name sanitizes s into a label: a single row, white space trimmed and collapsed, at most MaxName bytes
// cut at the end of a grapheme. A name loses everything that only the program may add: status marks,
// rules, locks, "(you)", the @ of a mention, and the suffix that tells namesakes apart. An empty name
// becomes Nameless.
func Name(s string) SafeText {
	if len(s) > maxRawName {
		s = s[:maxRawName]
	}
	s = Line(s).s
	// A removal can expose another (a cut ends in a suffix, a mark loses its base), so repeat until
	// nothing changes. Each turn shortens the name or removes a dot, so the loop ends.
	for {
		next := Line(shorten(collapse(withoutSuffix(withoutYou(withoutMarks(s)))))).s
		if next == s {
			break
		}
		s = next
	}
	if s == "" {
		s = Nameless
	}
	return SafeText{s}
}

// withoutMarks removes the glyphs that have a meaning on our screen, and those that look alike.
func withoutMarks(s string) string {
	if isPlain(s, false) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isScreenGlyph(r) {
			return -1
		}
		return r
	}, s)
}

// isScreenGlyph reports whether r is, or could be taken for, a glyph of package theme: ✓ ⚠ ✗ ⟲ ● ◐ ○ ⊘ ▍ ▸ ›
// and rules.
func isScreenGlyph(r rune) bool {
	switch {
	case r < 0x203A:
		return false
	case r >= 0x2500 && r <= 0x25FF: // box drawing, blocks, geometric shapes
		return true
	case r >= 0x2610 && r <= 0x2612, r >= 0x2713 && r <= 0x2718, r >= 0x1F5F4 && r <= 0x1F5F9:
		return true // ticks, crosses and their boxes
	case r >= 0x1F50F && r <= 0x1F513, r >= 0x1F7E0 && r <= 0x1F7EB, r == 0x1F534, r == 0x1F535:
		return true // locks, coloured circles
	}
	switch r {
	case 0x203A, 0x276F, // ›
		0x221A, 0x2705, // ticks
		0x274C, 0x274E, // crosses
		0x26A0,                                         // ⚠
		0x21BA, 0x21BB, 0x27F2, 0x27F3, 0x2B6E, 0x2B6F, // circling arrows
		0x2298, 0x29B8, 0x1F6AB, 0x1F6C7, // ⊘
		0x26AA, 0x26AB, 0x2B24, 0x2B55, 0x2B58, // circles
		0x2BC8, 0x1F784: // ▸ ●
		return true
	}
	return false
}

// withoutYou removes "(you)", which marks the reader's own name.
func withoutYou(s string) string {
	for i := 0; i+len("(you)") <= len(s); i++ {
		if s[i] == '(' && strings.EqualFold(s[i:i+len("(you)")], "(you)") {
			return withoutYou(s[:i] + s[i+len("(you)"):])
		}
	}
	return s
}

// withoutSuffix turns the dot of anything like ·91c0 into a space. A suffix is all hex digits, or has a
// digit and letters that look like hex. So a dot inside a word, as in Catalan, stays.
func withoutSuffix(s string) string {
	if isPlain(s, false) {
		return s
	}
	rs := []rune(s)
	for i, r := range rs {
		if !isDot(r) {
			continue
		}
		n, digits, hex := 0, 0, 0
		for _, c := range rs[i+1:] {
			if unicode.Is(unicode.M, c) {
				continue // a mark that hardly shows must not break the pattern
			}
			if !unicode.IsLetter(c) && !unicode.IsNumber(c) {
				break
			}
			n++
			if unicode.IsNumber(c) {
				digits++
			}
			if isHex(c) {
				hex++
			}
		}
		if n >= 4 && (digits > 0 || hex == n) {
			rs[i] = ' '
		}
	}
	return string(rs)
}

// isDot reports whether r is, or could be taken for, the middle dot before our suffix.
func isDot(r rune) bool {
	switch r {
	case 0x00B7, 0x0387, 0x1427, 0x16EB, 0x2022, 0x2027, 0x2219, 0x22C5, 0x22C7, 0x2E31, 0x2E33,
		0x30FB, 0xFF65, 0x318D, 0xA78F, 0x10101, 0x119E:
		return true
	}
	return false
}

// isHex reports whether r is a hex digit, of ordinary or full width.
func isHex(r rune) bool {
	if r >= 0xFF01 && r <= 0xFF5E {
		r -= 0xFF01 - '!'
	}
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F'
}

// collapse trims white space and any @ before the name, and makes a single space of each run.
func collapse(s string) string {
	return strings.TrimLeft(strings.Join(strings.Fields(s), " "), "@ ")
}

// shorten cuts s to MaxName bytes at the end of a grapheme.
func shorten(s string) string {
	if len(s) <= MaxName {
		return s
	}
	end := 0
	for {
		n, _ := FirstGrapheme(s[end:])
		if end+n > MaxName {
			return strings.TrimSpace(s[:end])
		}
		end += n
	}
}
