package record

import (
	"strings"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// scan reads a body in the form of appendBody, some ten times as fast as encoding/json. Its result
// is checked, encoded and compared like any other. If that fails, or scan returns false, decode
// takes the slow way. So scan decides nothing and returns no error.
func scan(body string) (b Body, ok bool) {
	s := scanner{rest: body, ok: true}
	b.V = Version
	s.literal(`{"v":1,"room":"`)
	s.hex(b.Room[:])
	s.literal(`","author":"`)
	var author [32]byte
	s.hex(author[:])
	s.literal(`","feed":"`)
	var feed [8]byte
	s.hex(feed[:])
	for _, x := range feed {
		b.Feed = b.Feed<<8 | Feed(x)
	}
	s.literal(`","seq":`)
	b.Seq = s.number()
	s.literal(`,"prev":"`)
	s.hex(b.Prev[:])
	s.literal(`","time":[`)
	b.Time.Ms = int64(s.number())
	s.literal(`,`)
	b.Time.N = int64(s.number())
	s.literal(`],"kind":"`)
	kind, rest, found := strings.Cut(s.rest, `","data":`)
	data, closed := strings.CutSuffix(rest, "}")
	if !s.ok || !found || !closed {
		return Body{}, false
	}
	var err error
	if b.Author, err = identity.KeyFromBytes(author[:]); err != nil {
		return Body{}, false
	}
	b.Kind, b.Data = Kind(kind), []byte(data)
	return b, true
}

// scanner takes pieces off the front of rest; ok becomes false at the first missing one.
type scanner struct {
	rest string
	ok   bool
}

func (s *scanner) literal(want string) {
	rest, found := strings.CutPrefix(s.rest, want)
	s.rest, s.ok = rest, s.ok && found
}

func (s *scanner) hex(out []byte) {
	if len(s.rest) < 2*len(out) {
		s.ok = false
		return
	}
	for i := range out {
		high, low := nibble(s.rest[2*i]), nibble(s.rest[2*i+1])
		if high > 15 || low > 15 {
			s.ok = false
		}
		out[i] = high<<4 | low&15
	}
	s.rest = s.rest[2*len(out):]
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// number reads at most 16 digits, the length of 2^53.
func (s *scanner) number() (n uint64) {
	i := 0
	for ; i < len(s.rest) && i < 16 && '0' <= s.rest[i] && s.rest[i] <= '9'; i++ {
		n = n*10 + uint64(s.rest[i]-'0')
	}
	s.ok = s.ok && i > 0
	s.rest = s.rest[i:]
	return n
}

// scanData reads the value of {"key":"value"} in the form of appendData; false for anything else.
func scanData(data, key string) (value string, ok bool) {
	value, opened := strings.CutPrefix(data, `{"`+key+`":"`)
	value, closed := strings.CutSuffix(value, `"}`)
	if !opened || !closed || !utf8.ValidString(value) {
		return "", false
	}
	if strings.IndexByte(value, '\\') < 0 {
		return value, true
	}
	return unescape(value)
}

// unescape undoes the escapes that a valid text can have.
func unescape(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return string(append(out, s...)), true
		}
		out, s = append(out, s[:i]...), s[i+1:]
		switch {
		case s == "":
			return "", false
		case s[0] == '"' || s[0] == '\\':
			out, s = append(out, s[0]), s[1:]
		case s[0] == 'n':
			out, s = append(out, '\n'), s[1:]
		case s[0] == 't':
			out, s = append(out, '\t'), s[1:]
		case strings.HasPrefix(s, "u2028"):
			out, s = append(out, "\u2028"...), s[5:]
		case strings.HasPrefix(s, "u2029"):
			out, s = append(out, "\u2029"...), s[5:]
		default:
			return "", false
		}
	}
}
