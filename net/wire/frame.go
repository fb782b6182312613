package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxFrame is the greatest payload, in bytes.
const MaxFrame = 64 << 10

// ErrFrameSize is returned for a frame of 0 or of more than MaxFrame bytes. It ends the link, since the
// beginning of the next frame is unknown.
var ErrFrameSize = errors.New("frame is empty or over 64 KiB")

// readAhead is how many bytes a Reader holds. A program has a Reader for each link, and most of them wait.
const readAhead = 4 << 10

// Reader reads frames. One goroutine may use it.
type Reader struct {
	r    *bufio.Reader
	used int     // bytes at the start of r that the last payload still needs
	long *[]byte // a payload that r has no room for; nil: none
}

// longPayloads holds buffers of MaxFrame bytes: long frames are rare on most links.
var longPayloads = sync.Pool{New: func() any { return new(make([]byte, MaxFrame)) }}

// NewReader returns a Reader that reads ahead by a few KiB.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, readAhead)} }

// Next returns the next payload, which is valid until the next call. It returns io.EOF if r ends between
// frames, and io.ErrUnexpectedEOF if r ends inside a frame.
func (r *Reader) Next() ([]byte, error) {
	r.release()
	head, err := r.r.Peek(headSize)
	if err != nil {
		if len(head) > 0 {
			err = unexpectedEOF(err)
		}
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if size == 0 || size > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrameSize, size)
	}
	n := int(size)
	if headSize+n <= readAhead {
		frame, err := r.r.Peek(headSize + n)
		if err != nil {
			return nil, unexpectedEOF(err)
		}
		r.used = len(frame)
		return frame[headSize:], nil
	}
	_, _ = r.r.Discard(headSize) // it was peeked at
	r.long = longPayloads.Get().(*[]byte)
	payload := (*r.long)[:n]
	if _, err := io.ReadFull(r.r, payload); err != nil {
		return nil, unexpectedEOF(err)
	}
	return payload, nil
}

// release gives up the last payload.
func (r *Reader) release() {
	_, _ = r.r.Discard(r.used) // it was peeked at
	r.used = 0
	if r.long != nil {
		longPayloads.Put(r.long)
		r.long = nil
	}
}

func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Buffered returns how many received bytes Next has not returned yet.
func (r *Reader) Buffered() int { return r.r.Buffered() - r.used }

// Frame is a whole frame, length and payload, to be written to any number of links. It must not be
// modified.
type Frame []byte

// headSize is the length in bytes before each payload.
const headSize = 4

// finishFrame writes the length into the first headSize bytes of out, which the caller left free.
func finishFrame(out []byte) (Frame, error) {
	n := len(out) - headSize
	if n <= 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrameSize, n)
	}
	binary.BigEndian.PutUint32(out, uint32(n))
	return out, nil
}
