package plain

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// splitter cuts a stream into lines, whatever its split over reads. Lines end in LF or CRLF; longer ones
// come in pieces of at most maxLine bytes that end between two characters. Lines of nothing but white
// space are left out. The zero splitter is ready.
type splitter struct {
	rest []byte // of a line that has not ended
}

// feed takes what was read and gives each line to say. whole is false for the pieces of a line that
// goes on.
func (s *splitter) feed(b []byte, say func(line string, whole bool)) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.add(b, say)
			return
		}
		s.add(b[:i], say)
		s.end(say)
		b = b[i+1:]
	}
}

// add takes bytes of one line. Where it is cut depends on the line only, not on the reads.
func (s *splitter) add(b []byte, say func(string, bool)) {
	for len(b) > 0 {
		n := min(len(b), maxLine+2-len(s.rest))
		s.rest = append(s.rest, b[:n]...)
		b = b[n:]
		// A CR right after a piece's worth may be the end of a line of exactly that length.
		if len(s.rest) > maxLine+1 || len(s.rest) == maxLine+1 && s.rest[maxLine] != '\r' {
			at := boundary(s.rest, maxLine)
			say(text(s.rest[:at]), false)
			s.rest = append(s.rest[:0], s.rest[at:]...)
		}
	}
}

// end is the end of a line, or of the stream.
func (s *splitter) end(say func(string, bool)) {
	if t := text(bytes.TrimSuffix(s.rest, []byte("\r"))); strings.TrimSpace(t) != "" {
		say(t, true)
	}
	s.rest = s.rest[:0]
}

// boundary is the greatest cut of b, which is longer, that is at most n and not inside a character.
func boundary(b []byte, n int) int {
	for at := n; at > n-utf8.UTFMax && at > 0; at-- {
		if utf8.RuneStart(b[at]) {
			return at
		}
	}
	return n // it wasn't UTF-8
}

// text makes a line valid: fixed-size buffers of other programs are filled up with NULs, and what is
// not UTF-8 can't be passed on.
func text(b []byte) string {
	return strings.ToValidUTF8(strings.ReplaceAll(string(b), "\x00", ""), "\ufffd")
}
