package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// MaxFrame is the greatest payload, in bytes.
const MaxFrame = 64 << 10

// ErrFrameSize is returned for a frame of 0 or of more than MaxFrame bytes. It ends the link, since the
// beginning of the next frame is unknown.
var ErrFrameSize = errors.New("frame is empty or over 64 KiB")

// Reader reads frames. One goroutine may use it.
type Reader struct {
	r       *bufio.Reader
	payload []byte
}

// NewReader returns a Reader that reads 64 KiB of r at a time.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, MaxFrame)} }

// Next returns the next payload, which is valid until the next call. It returns io.EOF if r ends between
// frames, and io.ErrUnexpectedEOF if r ends inside a frame.
func (r *Reader) Next() ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrameSize, n)
	}
	r.payload = slices.Grow(r.payload[:0], max(int(n), 4<<10))[:n]
	if _, err := io.ReadFull(r.r, r.payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return r.payload, nil
}

// Buffered returns how many received bytes Next has not returned yet.
func (r *Reader) Buffered() int { return r.r.Buffered() }

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
