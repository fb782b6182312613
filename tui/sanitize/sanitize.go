package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Bounds on what one grapheme may pile up. Real text stays below all of them.
const (
	maxMarks  = 4  // marks that stack above or below one base
	maxSpread = 8  // marks in all, with those that stand beside it
	maxJoined = 4  // joiners in one emoji; a family of four has three
	maxLinks  = 6  // viramas in one conjunct; Sanskrit reaches four
	maxJamo   = 6  // jamo in one syllable
	maxCSI    = 64 // bytes of a CSI sequence that is taken for one
	tabStop   = 4  // cells
)

// subdivisions are the flags made of tags that exist. Any other run of tags can carry text that
// nobody sees.
var subdivisions = [...]string{
	"\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", // England
	"\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", // Scotland
	"\U0001F3F4\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F", // Wales
}

// scanner writes the cleaned text. Each decision looks only at what was written before and at
// the rune that comes, never at what was dropped between them: that makes cleaning idempotent.
type scanner struct {
	out  strings.Builder
	rows bool

	last rune // written last; 0 at the start of a row
	base rune // the last one that stands by itself
	held rune // a joiner, VS16 or prefix that waits for the rune after it

	emoji  bool // what was written last is an emoji, with its selector or tone
	linked bool // a virama came after base
	marks  int  // on base
	spread int  // on base, with those beside it
	joined int  // joiners in this emoji
	links  int  // viramas in this conjunct
	jamo   int  // in this syllable

	from int // byte in out from which the row is not measured yet
	col  int // cells in the row before from
}

func scan(s string, rows bool) string {
	sc := scanner{rows: rows}
	sc.out.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		i += sc.step(s[i:])
	}
	sc.release(0)
	return sc.out.String()
}

// step takes what stands at the start of s and returns how many bytes that was.
func (sc *scanner) step(s string) int {
	c := s[0]
	switch {
	case c >= 0x20 && c < 0x7F:
		n := 1
		for n < len(s) && s[n] >= 0x20 && s[n] < 0x7F {
			n++
		}
		sc.release(rune(c))
		sc.out.WriteString(s[:n])
		sc.stand(rune(s[n-1]))
		return n
	case c == 0x1B:
		if len(s) > 1 && s[1] == '[' {
			if n := csi(s[2:]); n > 0 {
				return 2 + n
			}
		}
		sc.put(0x2400 + 0x1B)
		return 1
	case c == '\r' && len(s) > 1 && s[1] == '\n':
		sc.newline()
		return 2
	case c >= '\n' && c <= '\r':
		sc.newline()
		return 1
	case c == '\t':
		sc.tab()
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
		sc.newline()
		return size
	case 0x9B:
		if n := csi(s[size:]); n > 0 {
			return size + n
		}
	case flag:
		for _, f := range subdivisions {
			if strings.HasPrefix(s, f) {
				sc.release(flag)
				sc.out.WriteString(f)
				sc.stand(flag)
				sc.last = 0xE007F
				sc.emoji = false
				return len(f)
			}
		}
	}
	sc.take(r)
	return size
}

// csi returns the length of the parameters and the final byte of a CSI sequence at the start of
// s, 0 if what stands there isn't one (ECMA-48 §5.4).
func csi(s string) int {
	n := 0
	for n < len(s) && s[n] >= 0x30 && s[n] <= 0x3F {
		n++
	}
	for n < len(s) && s[n] >= 0x20 && s[n] <= 0x2F {
		n++
	}
	if n < len(s) && n < maxCSI && s[n] >= 0x40 && s[n] <= 0x7E {
		return n + 1
	}
	return 0
}

// take sees to one rune of 0x80 or above.
func (sc *scanner) take(r rune) {
	switch classify(r) {
	case kept:
		sc.put(r)
	case dropped:
	case replaced:
		sc.put(unknown)
	case blank:
		sc.put(' ')
	case newline:
		sc.newline()
	case mark:
		sc.mark(r)
	case joiner:
		sc.joiner(r)
	case selector:
		sc.selector(r)
	case tone:
		if sc.held != 0 || !sc.emoji || sc.last != sc.base || !takesTone(sc.base) {
			sc.put(unknown)
			return
		}
		sc.out.WriteRune(r)
		sc.last = r
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
	sc.stand(r)
}

// stand notes that r was written and is the base of what follows.
func (sc *scanner) stand(r rune) {
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

// release writes what was held if it belongs before next; 0 is the end of a row.
func (sc *scanner) release(next rune) {
	held := sc.held
	sc.held = 0
	switch {
	case held == 0:
	case held == zwj && sc.emoji && isEmoji(next):
		if sc.joined < maxJoined {
			sc.out.WriteRune(zwj)
			sc.last = zwj
			sc.joined++
		}
	case held == zwj || held == zwnj:
		// Bengali and others put one before the virama too (র‍্য), to keep the letter whole.
		indic := sc.last == sc.base && unicode.IsLetter(sc.base) && sc.links < maxLinks && isVirama(next)
		if indic || isJoining(sc.base) && isJoining(next) {
			sc.out.WriteRune(held)
			sc.last = held
		}
	case held == emoForm:
		if next == keycap {
			sc.out.WriteRune(held)
			sc.last = held
		}
	case next >= 0x80 && next != unknown && (unicode.IsLetter(next) || unicode.IsNumber(next)) && !isPrefix(next):
		sc.out.WriteRune(held)
		sc.stand(held)
	default:
		sc.out.WriteRune(unknown)
		sc.stand(unknown)
	}
}

// mark writes a combining mark if there is something it can stand on and room for it.
func (sc *scanner) mark(r rune) {
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
	sc.out.WriteRune(r)
	sc.spread++
	sc.last = r
	sc.emoji = false
	sc.jamo = 0
}

// joiner keeps one right after a virama, where it chooses the form of the conjunct, and holds
// it elsewhere until the next rune shows whether it belongs.
func (sc *scanner) joiner(r rune) {
	switch {
	case sc.held != 0 || sc.last == 0:
	case unicode.Is(unicode.M, sc.last) && isVirama(sc.last):
		sc.out.WriteRune(r)
		sc.last = r
	default:
		sc.held = r
	}
}

// selector keeps a variation selector right after a base of the kind it is defined for.
func (sc *scanner) selector(r rune) {
	if sc.held != 0 || sc.last != sc.base {
		return
	}
	switch {
	case r == emoForm && takesKeycap(sc.base):
		sc.held = r
	case r == emoForm || r == textForm:
		if !sc.emoji {
			return
		}
		sc.out.WriteRune(r)
		sc.last = r
	case r < 0x1810 && unicode.Is(unicode.Mongolian, sc.base),
		r > 0x1810 && unicode.Is(unicode.Han, sc.base):
		sc.out.WriteRune(r)
		sc.last = r
	}
}

// newline ends the row, or writes a space where there is only one.
func (sc *scanner) newline() {
	if !sc.rows {
		sc.put(' ')
		return
	}
	sc.release(0)
	sc.out.WriteByte('\n')
	sc.stand(0)
	sc.from, sc.col = sc.out.Len(), 0
}

// tab writes spaces to the next stop, or one where there is only one row: the row stands behind
// a name and a time there, so stops mean nothing.
func (sc *scanner) tab() {
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
	sc.stand(' ')
}
