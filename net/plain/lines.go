package plain

import (
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/wire"
)

// splitter cuts a stream into lines, however reads split it. Lines end in LF or CRLF. Those longer than
// maxLine bytes come in chunks that end between two characters, and blank ones are left out. Nothing comes
// after a line that is no text, or that is longer than maxWholeLine. The zero splitter is ready.
type splitter struct {
	rest    []byte // the line that has not ended
	size    int    // bytes of that line
	refused string // why the stream isn't read on; "" while it is
}

// lineTooLong is why a stream isn't read on: no one writes such a line.
const lineTooLong = "a line over 1 MiB"

// readLines calls say for each line of a stream, until the stream ends, sends what is no line, or mayRead
// says no. mayRead is called before each read, received after it. refused is why the stream sent no line, or "",
// and err why a read failed.
func readLines(r io.Reader, mayRead func() bool, received func(n int), say func(line string)) (refused string, err error) {
	var s splitter
	buf := make([]byte, maxLine)
	for err == nil && s.refused == "" && mayRead() {
		var n int
		if n, err = r.Read(buf); n > 0 {
			received(n)
			s.feed(buf[:n], say)
		}
	}
	s.end(say) // a last line without newline
	return s.refused, err
}

// feed takes what was read and calls say for each line.
func (s *splitter) feed(b []byte, say func(line string)) {
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

// add takes bytes of one line. Where the line is cut depends on the line only, not on the reads.
func (s *splitter) add(b []byte, say func(string)) {
	if s.size += len(b); s.size > maxWholeLine && s.refused == "" {
		s.refused = lineTooLong
	}
	for len(b) > 0 {
		n := min(len(b), maxLine+2-len(s.rest))
		s.rest = append(s.rest, b[:n]...)
		b = b[n:]
		// A CR right after a full chunk may be the end of a line of exactly that length.
		if len(s.rest) > maxLine+1 || len(s.rest) == maxLine+1 && s.rest[maxLine] != '\r' {
			at := len(wire.TruncateUTF8(s.rest, maxLine))
			s.say(s.rest[:at], false, say)
			s.rest = append(s.rest[:0], s.rest[at:]...)
		}
	}
}

// end ends a line, or the stream.
func (s *splitter) end(say func(string)) {
	s.say(bytes.TrimSuffix(s.rest, []byte("\r")), true, say)
	s.rest, s.size = s.rest[:0], 0
}

// say passes on a line, or a chunk of a line that goes on.
func (s *splitter) say(line []byte, whole bool, say func(string)) {
	if s.refused == "" && isBinary(line) {
		s.refused = accept.NotText
	}
	if t := text(line); s.refused == "" && (!whole || strings.TrimSpace(t) != "") {
		say(t)
	}
}

// isBinary reports whether a line is no text at all: it isn't UTF-8, and has controls that no terminal
// program writes. Either alone may be an old encoding, or colours.
func isBinary(line []byte) bool {
	return !utf8.Valid(line) && bytes.ContainsFunc(line, func(r rune) bool {
		return r < 0x20 && r != 0 && r != '\t' && r != '\r' && r != '\a' && r != '\b' && r != '\f' && r != 0x1b
	})
}

// text returns a line as it can be passed on: valid UTF-8, without the NUL bytes with which some programs
// fill up buffers of fixed size.
func text(b []byte) string {
	return strings.ToValidUTF8(strings.ReplaceAll(string(b), "\x00", ""), "\ufffd")
}

// formatLine returns a message as line clients see it. Every row begins with the name, so that nothing can be
// written in another's name. An empty name is for two people alone: only the other can write then.
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
