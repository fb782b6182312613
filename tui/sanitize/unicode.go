package sanitize

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// class says what the scanner does with a rune.
type class uint8

const (
	kept     class = iota // stays, and stands by itself
	dropped               // disappears
	replaced              // becomes U+FFFD
	blank                 // looks like nothing: becomes a space
	newline               // ends a row
	mark                  // stands on the character before it
	joiner                // ZWJ and ZWNJ: stay where they belong
	selector              // variation selectors: stay after a base that takes them
	tone                  // skin tones: stay after an emoji that takes them
	prefix                // joins the next character, so there must be one
	jamo                  // conjoining Hangul
)

const (
	zwnj     = '\u200C'
	zwj      = '\u200D'
	textForm = '\uFE0E'     // VS15, asks for the black and white form
	emoForm  = '\uFE0F'     // VS16, asks for the coloured form
	keycap   = '\u20E3'     // the enclosing keycap of 1️⃣
	flag     = '\U0001F3F4' // the black flag that begins 🏴󠁧󠁢󠁥󠁮󠁧󠁿
	unknown  = unicode.ReplacementChar
)

// classify returns the class of a rune of 0x80 and above. The scanner handles ASCII and the controls.
func classify(r rune) class {
	switch {
	case r < 0xA0, r == unknown:
		return replaced // C1, but for NEL and CSI, which the scanner handles
	case r == 0x2028 || r == 0x2029:
		return newline
	case r == zwnj || r == zwj:
		return joiner
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF,
		r >= 0x180B && r <= 0x180D, r == 0x180F:
		return selector
	case r == 0x3164, r == 0x115F, r == 0x1160, r == 0xFFA0, r == 0x2800, r == 0x1D159:
		return blank
	case r == 0x034F, r == 0x17B4, r == 0x17B5, r >= 0xE0000 && r <= 0xE0FFF:
		// The grapheme joiner and two vowels of Khmer are marks without a shape.
		return dropped
	case r >= 0x1F3FB && r <= 0x1F3FF:
		return tone
	case r == 0x0E33, r == 0x0EB3, r == 0xFF9E, r == 0xFF9F:
		// Letters by category that grapheme rules put on the letter before them.
		return mark
	case isPrefix(r):
		return prefix
	case isJamo(r):
		return jamo
	case unicode.Is(unicode.M, r):
		return mark
	case r == 0xFFFC:
		return replaced
	case unicode.IsGraphic(r), isReserved(r):
		return kept
	case unicode.Is(unicode.Cf, r):
		return dropped
	}
	return replaced
}

// isReserved reports whether Unicode has set r aside for emoji or ideographs of later versions than
// the standard library's tables (15.0). New emoji must not become U+FFFD.
func isReserved(r rune) bool {
	return r >= 0x1FA70 && r <= 0x1FAFF || r >= 0x1F6D8 && r <= 0x1F6FF ||
		r >= 0x2EBF0 && r <= 0x2EE5D || r >= 0x323B0 && r <= 0x33479
}

// isPrefix reports whether r has Grapheme_Cluster_Break=Prepend (UAX #29).
func isPrefix(r rune) bool {
	switch {
	case r < 0x0600:
		return false
	case r <= 0x0605, r == 0x06DD, r == 0x070F, r == 0x0890, r == 0x0891, r == 0x08E2,
		r == 0x0D4E, r == 0x110BD, r == 0x110CD, r == 0x111C2, r == 0x111C3, r == 0x1193F,
		r == 0x11941, r == 0x11A3A, r >= 0x11A84 && r <= 0x11A89, r == 0x11D46, r == 0x11F02:
		return true
	}
	return false
}

// isJamo reports whether r is a Hangul letter that joins others into a syllable.
func isJamo(r rune) bool {
	return (isLead(r) || r >= 0x1160 && r <= 0x11FF || r >= 0xD7B0 && r <= 0xD7FB) && unicode.IsGraphic(r)
}

// isLead reports whether r is a jamo that can begin a syllable.
func isLead(r rune) bool {
	return r >= 0x1100 && r <= 0x115F || r >= 0xA960 && r <= 0xA97C
}

// isHangul reports whether a vowel or final jamo may follow r.
func isHangul(r rune) bool {
	return r >= 0xAC00 && r <= 0xD7A3 || isJamo(r)
}

// isEmoji reports whether r may be joined into an emoji sequence or take VS15 and VS16. It accepts more
// than the property Emoji: a few symbols that a selector doesn't hurt.
func isEmoji(r rune) bool {
	switch {
	case r < 0x00A9:
		return false
	case r == 0x00A9, r == 0x00AE, r == 0x203C, r == 0x2049, r == 0x2122, r == 0x2139,
		r >= 0x2194 && r <= 0x21AA, r >= 0x231A && r <= 0x23FF, r == 0x24C2,
		r >= 0x25AA && r <= 0x25FE, r >= 0x2600 && r <= 0x27BF, r == 0x2934, r == 0x2935,
		r >= 0x2B05 && r <= 0x2B55, r == 0x3030, r == 0x303D, r == 0x3297, r == 0x3299:
		return true
	case r >= 0x1F1E6 && r <= 0x1F1FF, r >= 0x1F3FB && r <= 0x1F3FF:
		return false // regional indicators and skin tones have rules of their own
	}
	return r >= 0x1F000 && r <= 0x1FAFF
}

// takesTone reports whether r is an emoji of a kind that has skin tones: people and hands.
func takesTone(r rune) bool {
	return r == 0x261D || r == 0x26F9 || r >= 0x270A && r <= 0x270D ||
		r >= 0x1F385 && r <= 0x1FAFF && isEmoji(r)
}

// takesKeycap reports whether r is a key of a telephone.
func takesKeycap(r rune) bool { return r >= '0' && r <= '9' || r == '#' || r == '*' }

// isJoining reports whether r is a letter of a script in which letters join. A joiner between two such
// letters is part of the spelling.
func isJoining(r rune) bool {
	return r >= 0x0600 && unicode.IsLetter(r) && unicode.In(r, unicode.Arabic, unicode.Syriac,
		unicode.Mandaic, unicode.Mongolian, unicode.Nko, unicode.Phags_Pa, unicode.Adlam,
		unicode.Hanifi_Rohingya, unicode.Sogdian, unicode.Manichaean, unicode.Psalter_Pahlavi)
}

// isVirama reports whether the mark r silences the vowel of a letter, and so links the letter to the
// next.
func isVirama(r rune) bool {
	return norm.NFC.PropertiesString(string(r)).CCC() == 9
}
