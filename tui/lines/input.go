package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/muesli/cancelreader"
)

// maxLine is the longest line of input that is taken, in bytes: no more of a line is held in memory.
const maxLine = 1 << 20

// line is one line of input without its end, or why there is none.
type line struct {
	text string
	err  error
}

// tooLongError says that a line was refused.
type tooLongError struct{ size int64 }

func (e *tooLongError) Error() string {
	return fmt.Sprintf("a line of %d bytes is too long and was not sent", e.size)
}

// Hint returns the next step.
func (e *tooLongError) Hint() string {
	return fmt.Sprintf("a line has at most %d bytes (1 MiB): send it in several", maxLine)
}

// readLines passes on the lines of r, ended by LF or CRLF, the last also by the end of r. What isn't
// UTF-8 is replaced. It returns at the end of r, after an error, or when yield returns false.
func readLines(r io.Reader, yield func(line) bool) {
	in := bufio.NewReaderSize(r, 64<<10)
	var kept []byte // the line so far, at most maxLine and its end
	var size int64
	for {
		part, err := in.ReadSlice('\n')
		size += int64(len(part))
		if room := maxLine + len("\r\n") - len(kept); len(part) <= room {
			kept = append(kept, part...)
		} else {
			kept = append(kept, part[:room]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if size > 0 && !yield(finish(kept, size, part)) {
			return
		}
		kept, size = kept[:0], 0
		if cap(kept) > 128<<10 {
			kept = nil // one long line mustn't hold its memory for ever
		}
		if err == nil {
			continue
		}
		if err != io.EOF && !canceled(err) {
			yield(line{err: fmt.Errorf("standard input can't be read: %w", err)})
		}
		return
	}
}

// finish makes a line of what was kept of it; size is all of it and tail its last part.
func finish(kept []byte, size int64, tail []byte) line {
	end := 0
	if bytes.HasSuffix(tail, []byte("\n")) {
		end = 1
		// The CR may be the end of the part before.
		if size <= int64(len(kept)) && bytes.HasSuffix(kept, []byte("\r\n")) {
			end = 2
		}
	}
	if size -= int64(end); size > maxLine {
		return line{err: &tooLongError{size}}
	}
	return line{text: strings.ToValidUTF8(string(kept[:size]), "\uFFFD")}
}

// canceled reports whether reading ended because Run asked for it.
func canceled(err error) bool {
	return errors.Is(err, cancelreader.ErrCanceled)
}
