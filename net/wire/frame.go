package wire

import (
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

// Sizes of a Reader's buffer. A program has a Reader for each link, and most of them wait: these read ahead by a little.
// While much comes at once, a Reader takes a TLS record at a time.
const (
	readAhead = 512
	readSome  = 4 << 10
	readMore  = 16 << 10
	readMost  = headSize + MaxFrame
)

// Reader reads frames. One goroutine may use it.
type Reader struct {
	src  io.Reader
	own  []byte  // readAhead bytes
	lent *[]byte // a longer buffer from lenders, in use; nil: none
	data []byte  // the bytes in own or lent that Next hasn't returned yet
	last int     // bytes in data after the last read
}

// lenders holds the longer buffers.
var lenders = map[int]*sync.Pool{
	readSome: {New: func() any { return new(make([]byte, readSome)) }},
	readMore: {New: func() any { return new(make([]byte, readMore)) }},
	readMost: {New: func() any { return new(make([]byte, readMost)) }},
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{src: r, own: make([]byte, readAhead)} }

// Next returns the next payload, which is valid until the next call. It returns io.EOF if r ends between
// frames, and io.ErrUnexpectedEOF if r ends inside a frame.
func (r *Reader) Next() ([]byte, error) {
	if err := r.read(headSize); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(r.data)
	if size == 0 || size > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrameSize, size)
	}
	n := headSize + int(size)
	if err := r.read(n); err != nil {
		return nil, err
	}
	payload := r.data[headSize:n]
	r.data = r.data[n:]
	return payload, nil
}

// read reads until there are n bytes of data.
func (r *Reader) read(n int) error {
	have := len(r.data)
	if have >= n {
		return nil
	}
	buf := r.makeRoom(n)
	came, err := io.ReadAtLeast(r.src, buf[have:], n-have)
	r.data = buf[:have+came]
	r.last = len(r.data)
	if err == io.EOF && have > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// makeRoom returns a buffer for n bytes that begins with data. It is as short as it may be, so that the next to wait
// hold little.
func (r *Reader) makeRoom(n int) []byte {
	size := readAhead
	switch {
	case n > readMore:
		size = readMost
	case n > readSome || r.last >= readSome:
		size = readMore
	case n > readAhead || r.last >= readAhead:
		size = readSome
	}
	old := r.lent
	if old != nil && len(*old) == size {
		copy(*old, r.data)
		return *old
	}
	buf := r.own
	r.lent = nil
	if size > readAhead {
		r.lent = lenders[size].Get().(*[]byte)
		buf = *r.lent
	}
	copy(buf, r.data)
	if old != nil {
		lenders[len(*old)].Put(old)
	}
	return buf
}

// Buffered returns how many received bytes Next has not returned yet.
func (r *Reader) Buffered() int { return len(r.data) }

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
