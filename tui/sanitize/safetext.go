// Package sanitize makes text of other people safe to put on a terminal. Names, messages, titles,
// file names and error strings all pass here first. The result has a type of its own, SafeText, so
// that the compiler asks for it.
//
// Such text has three doors:
//
//   - Line gives one row: every kind of line end and the tab become a space;
//   - Block gives several: line ends become \n, tabs become spaces;
//   - Name gives a label of at most MaxName bytes that can't imitate our own marks.
//
// What isn't plain text is treated so:
//
//   - a CSI sequence (colours, cursor moves), 7-bit or 8-bit, disappears whole;
//   - every other control is shown, so that nothing is hidden and nothing is executed: C0 and DEL
//     as their control pictures (␛, ␇ …), C1 as U+FFFD. So an OSC, DCS, APC, PM or SOS loses its
//     introducer and its payload is readable;
//   - invalid UTF-8 becomes U+FFFD, a byte at a time; so do private-use characters, noncharacters
//     and unassigned characters;
//   - bidi embeddings, overrides, isolates and marks, zero-width characters, tag characters and
//     the other format characters are dropped. A joiner stays between emoji or in scripts that
//     are written with it (Persian, Hindi …), a variation selector after a base that takes one,
//     tags in the flags of England, Scotland and Wales;
//   - letters that look like nothing (Hangul fillers, the empty Braille cell) become a space;
//   - a combining mark needs a base to stand on, else it would change our own text before it. No
//     more than four stack on a base. Chains of joined emoji, conjuncts and jamo are bounded too:
//     terminals disagree about their width.
//
// Everything else is kept byte for byte: Arabic, Hebrew, Thai, Hindi, CJK, flags, skin tones.
// Line, Block and Name are idempotent and safe for concurrent use.
package sanitize

import "fmt"

// SafeText is text that can be written to a terminal as it is. Only this package can make it; the
// zero value is the empty text. SafeText is comparable, so it can be the key of a map.
type SafeText struct{ s string }

// String returns the text. Anything put around it must be our own text or a SafeText too.
func (t SafeText) String() string { return t.s }

// IsEmpty reports whether there is no text at all.
func (t SafeText) IsEmpty() bool { return t.s == "" }

// Line sanitizes s into a single row: no line end, no tab, no control at all. Printable ASCII is
// returned as it is, without allocating.
func Line(s string) SafeText { return scan(s, false) }

// Linef formats its arguments, and sanitizes the whole as a single row, whatever the arguments were.
func Linef(format string, args ...any) SafeText {
	return Line(fmt.Sprintf(format, args...))
}

// Block sanitizes s into rows ended by \n. CRLF, a lone CR, vertical tab, form feed, NEL and the
// Unicode line and paragraph separators end a row too; a tab becomes 1–4 spaces.
func Block(s string) SafeText { return scan(s, true) }

// literal is the type of Trusted's argument. A caller outside this package can't name it, so only a
// constant fits: text that came from elsewhere doesn't compile.
type literal string

// Trusted returns a constant of our own as it is, unchecked. A string that is composed at run time goes
// through Line, which costs nothing for ASCII.
func Trusted(s literal) SafeText { return SafeText{string(s)} }

// isPlain reports whether s is printable ASCII, and \n where rows are allowed.
func isPlain(s string, rows bool) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c-0x20 >= 0x7F-0x20 && !(rows && c == '\n') {
			return false
		}
	}
	return true
}
