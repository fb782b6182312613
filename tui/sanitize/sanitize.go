package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Bounds on the parts of a grapheme. Real text stays below all of them.
const (
	maxMarks  = 4  // marks that stack above or below a base
	maxSpread = 8  // marks on a base in all, those beside it included
	maxJoined = 4  // joiners in an emoji; a family of four has three
	maxLinks  = 6  // viramas in a conjunct; Sanskrit reaches four
	maxJamo   = 6  // jamo in a syllable
	maxCSI    = 64 // bytes of a CSI sequence; a longer run isn't taken for one
	tabStop   = 4  // cells
)

// subdivisions lists the flags that are made of tags. Any other run of tags can carry invisible text.
var subdivisions = [...]string{
	"\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", // England
	"\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", // Scotland
	"\U0001F3F4\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F", // Wales
}

// scanner writes the sanitized text. Each decision depends only on the text written before and on the
// next rune, never on runes dropped between them. That makes sanitizing idempotent.
type scanner struct {
	out  strings.Builder
	rows bool

	last rune // written last; 0 at the start of a row
	base rune // the last rune that stands by itself
	held rune // a joiner, VS16 or prefix that waits for the rune after it

	emoji  bool // an emoji was written last, with its selector or tone
	linked bool // a virama came after base
	marks  int  // stacked on base
	spread int  // marks on base, with those beside it
	joined int  // joiners in this emoji
	links  int  // viramas in this conjunct
	jamo   int  // jamo in this syllable

	from int // byte in out from which on the row isn't measured yet
	col  int // cells of the row before from
}

// scan sanitizes s, into rows or into a single row.
func scan(s string, rows bool) SafeText {
	if isPlain(s, rows) {
		return SafeText{s}
	}
	sc := scanner{rows: rows}
	sc.out.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		i += sc.step(s[i:])
	}
	sc.release(0)
	return SafeText{sc.out.String()}
}

// step handles the character or sequence at the start of s, and returns its length in bytes.
func (sc *scanner) step(s string) int {
	c := s[0]
	if c >= 0x20 && c < 0x7F {
		n := 1
		for n < len(s) && s[n] >= 0x20 && s[n] < 0x7F {
			n++
		}
		sc.release(rune(c))
		sc.out.WriteString(s[:n])
		sc.setBase(rune(s[n-1]))
		return n
	}
	if n := csiLen(s); n > 0 {
		return n
	}
	switch {
	case c == '\r' && len(s) > 1 && s[1] == '\n':
		sc.endRow()
		return 2
	case c >= '\n' && c <= '\r':
		sc.endRow()
		return 1
	case c == '\t':
		sc.putTab()
		return 1
	case c < 0x20:
		sc.put(0x2400 + rune(c))
		return 1
	case c == 0x7F:
		sc.put(0x2421)
		return 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch r {
	case 0x85:
		sc.endRow()
		return size
	case flag:
		for _, f := range subdivisions {
			if strings.HasPrefix(s, f) {
				sc.release(flag)
				sc.out.WriteString(f)
				sc.setBase(flag)
				sc.last = 0xE007F
				sc.emoji = false
				return len(f)
			}
		}
	}
	sc.write(r)
	return size
}

// csiLen returns the length of the CSI sequence, 7-bit or 8-bit, at the start of s, or 0 if there is none
// (ECMA-48 §5.4).
func csiLen(s string) int {
	if !strings.HasPrefix(s, "\x1b[") && !strings.HasPrefix(s, "\u009b") {
		return 0
	}
	n := 2 // either introducer
	for n < len(s) && s[n] >= 0x30 && s[n] <= 0x3F {
		n++
	}
	for n < len(s) && s[n] >= 0x20 && s[n] <= 0x2F {
		n++
	}
	if n < len(s) && n-2 < maxCSI && s[n] >= 0x40 && s[n] <= 0x7E {
		return n + 1
	}
	return 0
}

// write handles a rune of 0x80 or above by its class.
func (sc *scanner) write(r rune) {
	switch classify(r) {
	case kept:
		sc.put(r)
	case dropped:
	case replaced:
		sc.put(unknown)
	case blank:
		sc.put(' ')
	case newline:
		sc.endRow()
	case mark:
		sc.putMark(r)
	case joiner:
		sc.putJoiner(r)
	case selector:
		sc.putSelector(r)
	case tone:
		if sc.held != 0 || !sc.emoji || sc.last != sc.base || !takesTone(sc.base) {
			sc.put(unknown)
			return
		}
		sc.attach(r)
	case prefix:
		sc.release(r)
		sc.held = r
	case jamo:
		if sc.jamo >= maxJamo || !isLead(r) && !isHangul(sc.last) {
			sc.put(unknown)
			return
		}
		n := sc.jamo
		sc.put(r)
		sc.jamo = n + 1
	}
}

// put writes a rune that stands by itself.
func (sc *scanner) put(r rune) {
	sc.release(r)
	sc.out.WriteRune(r)
	sc.setBase(r)
}

// attach writes a rune that belongs to the one before it.
func (sc *scanner) attach(r rune) {
	sc.out.WriteRune(r)
	sc.last = r
}

// setBase notes that r was written and is the base of the marks that follow.
func (sc *scanner) setBase(r rune) {
	if sc.last != zwj || !isEmoji(r) {
		sc.joined = 0
	}
	if !sc.linked {
		sc.links = 0
	}
	sc.last, sc.base = r, r
	sc.emoji = isEmoji(r)
	sc.linked = false
	sc.marks, sc.spread, sc.jamo = 0, 0, 0
}

// release writes the held rune if it belongs before next; 0 stands for the end of a row.
func (sc *scanner) release(next rune) {
	held := sc.held
	sc.held = 0
	switch {
	case held == 0:
	case held == zwj && sc.emoji && isEmoji(next):
		if sc.joined < maxJoined {
			sc.attach(zwj)
			sc.joined++
		}
	case held == zwj || held == zwnj:
		// Bengali and others put a joiner before the virama too (র‍্য), to keep the letter whole.
		indic := sc.last == sc.base && unicode.IsLetter(sc.base) && sc.links < maxLinks && isVirama(next)
		if indic || isJoining(sc.base) && isJoining(next) {
			sc.attach(held)
		}
	case held == emoForm:
		if next == keycap {
			sc.attach(held)
		}
	default:
		if next < 0x80 || !unicode.IsLetter(next) && !unicode.IsNumber(next) || isPrefix(next) {
			held = unknown
		}
		sc.out.WriteRune(held)
		sc.setBase(held)
	}
}

// putMark writes a combining mark if it has a base with room for it.
func (sc *scanner) putMark(r rune) {
	if (r == 0xFF9E || r == 0xFF9F) && (sc.held != 0 || sc.base < 0xFF66 || sc.base > 0xFF9D) {
		sc.put(unknown) // the voicing signs of half-width katakana are letters of a cell each
		return
	}
	sc.release(r)
	if sc.last == 0 || unicode.IsSpace(sc.last) || sc.spread >= maxSpread {
		return
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		if sc.marks >= maxMarks {
			return
		}
		if isVirama(r) {
			if sc.links >= maxLinks {
				return
			}
			sc.links++
			sc.linked = true
		}
		sc.marks++
	}
	sc.attach(r)
	sc.spread++
	sc.emoji = false
	sc.jamo = 0
}

// putJoiner writes a joiner right after a virama, where it chooses the form of the conjunct. Elsewhere
// the joiner is held until the next rune shows whether it belongs.
func (sc *scanner) putJoiner(r rune) {
	switch {
	case sc.held != 0 || sc.last == 0:
	case unicode.Is(unicode.M, sc.last) && isVirama(sc.last):
		sc.attach(r)
	default:
		sc.held = r
	}
}

// putSelector writes a variation selector right after a base for which it is defined.
func (sc *scanner) putSelector(r rune) {
	if sc.held != 0 || sc.last != sc.base {
		return
	}
	switch {
	case r == emoForm && takesKeycap(sc.base):
		sc.held = r
	case r == emoForm || r == textForm:
		if sc.emoji {
			sc.attach(r)
		}
	case r < 0x1810 && unicode.Is(unicode.Mongolian, sc.base),
		r > 0x1810 && unicode.Is(unicode.Han, sc.base):
		sc.attach(r)
	}
}

// endRow ends the row, or writes a space where only a row is allowed.
func (sc *scanner) endRow() {
	if !sc.rows {
		sc.put(' ')
		return
	}
	sc.release(0)
	sc.out.WriteByte('\n')
	sc.setBase(0)
	sc.from, sc.col = sc.out.Len(), 0
}

// putTab writes spaces to the next stop. Where only a row is allowed it writes a single space: that row
// stands behind a name and a time, so stops mean nothing.
func (sc *scanner) putTab() {
	if !sc.rows {
		sc.put(' ')
		return
	}
	sc.release(' ')
	sc.col += ansi.StringWidth(sc.out.String()[sc.from:])
	n := tabStop - sc.col%tabStop
	sc.out.WriteString("    "[:n])
	sc.col += n
	sc.from = sc.out.Len()
	sc.setBase(' ')
}
