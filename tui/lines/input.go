package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"chat.lan/p2pchat/tui/command"

	"github.com/muesli/cancelreader"
)

// maxLine is the longest line of input that is taken, in bytes: no more of a line is held in memory.
const maxLine = 1 << 20

// line is one line of input without its end, or why there is none.
type line struct {
	text string
	fail *command.Fail
	more bool // the next line is here already
}

// readLines passes on the lines of r, ended by LF or CRLF, the last also by the end of r. What isn't
// UTF-8 is replaced. It returns at the end of r, after an error, or when yield returns false.
func readLines(r io.Reader, yield func(line) bool) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		text, size, err := readLine(in)
		if size > 0 {
			l := newLine(text, size, err == nil)
			l.more = hasLine(in)
			if !yield(l) {
				return
			}
		}
		if err == nil {
			continue
		}
		if err != io.EOF && !errors.Is(err, cancelreader.ErrCanceled) {
			yield(line{fail: &command.Fail{Text: "standard input can't be read: " + err.Error()}})
		}
		return
	}
}

// hasLine reports whether a whole line was read ahead.
func hasLine(in *bufio.Reader) bool {
	ahead, _ := in.Peek(in.Buffered())
	return bytes.IndexByte(ahead, '\n') >= 0
}

// readLine reads a line with its end. It keeps at most maxLine bytes and the end, of size bytes in all.
// The error is nil only after an LF.
func readLine(in *bufio.Reader) (kept []byte, size int, err error) {
	for {
		part, err := in.ReadSlice('\n')
		size += len(part)
		kept = append(kept, part[:min(len(part), maxLine+len("\r\n")-len(kept))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return kept, size, err
		}
	}
}

// newLine makes a line of what readLine returned; ended says that an LF is its last byte.
func newLine(kept []byte, size int, ended bool) line {
	if ended {
		size--
		if bytes.HasSuffix(kept, []byte("\r\n")) {
			size--
		}
	}
	if size > maxLine {
		return line{fail: &command.Fail{
			Text: fmt.Sprintf("a line of %d bytes is too long and was not sent", size),
			Hint: fmt.Sprintf("a line has at most %d bytes (1 MiB): send it in several", maxLine),
		}}
	}
	return line{text: strings.ToValidUTF8(string(kept[:size]), "\uFFFD")}
}
