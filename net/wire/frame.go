package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the greatest payload in bytes (DESIGN.md §10).
const MaxFrame = 64 << 10

// ErrFrameSize is returned for a frame of 0 or of more than MaxFrame bytes. The link is closed: what
// follows can't be found any more.
var ErrFrameSize = errors.New("frame is empty or over 64 KiB")

// Reader reads frames. It is for one goroutine.
type Reader struct {
	r       *bufio.Reader
	payload []byte
}

// NewReader reads frames from r, 64 KiB at a time.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, MaxFrame)}
}

// Next returns the next payload, which is valid until the call after. io.EOF between frames is the
// regular end; inside one it is io.ErrUnexpectedEOF.
func (r *Reader) Next() ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrameSize, n)
	}
	if cap(r.payload) < int(n) {
		r.payload = make([]byte, n, max(int(n), 4<<10))
	}
	r.payload = r.payload[:n]
	if _, err := io.ReadFull(r.r, r.payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return r.payload, nil
}

// Buffered is the number of bytes that were received and not yet returned.
func (r *Reader) Buffered() int { return r.r.Buffered() }

// Frame is a whole frame, length and payload, ready to be written to any number of links. It must
// not be modified.
type Frame []byte

// headSize is the length in bytes before each payload.
const headSize = 4

// frame fills in the head of out, whose first headSize bytes are kept free for it.
func frame(out []byte) (Frame, error) {
	n := len(out) - headSize
	if n <= 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrameSize, n)
	}
	binary.BigEndian.PutUint32(out, uint32(n))
	return out, nil
}
