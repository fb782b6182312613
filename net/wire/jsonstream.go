package wire

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// MaxObject is the greatest JSON object that a seed program may send, in bytes.
const MaxObject = 64 << 10

// Errors of ObjectReader. After one, the beginning of the next object is unknown.
var (
	ErrObjectSize = errors.New("JSON object is over 64 KiB")
	ErrNoObject   = errors.New("not a JSON object")
)

// ObjectReader finds JSON objects in a stream, back to back or with white space between. It only counts
// braces outside of strings and leaves the rest to DecodeSeed. One goroutine may use it.
type ObjectReader struct {
	r     io.Reader
	buf   []byte
	begin int // index in buf where the object begins
	next  int // index in buf of the next byte to scan
	depth int
	str   bool // inside a string
	esc   bool // after a backslash in one
}

// NewObjectReader returns an ObjectReader of r.
func NewObjectReader(r io.Reader) *ObjectReader { return &ObjectReader{r: r} }

// Partial reports whether the reader waits for the rest of an object. The stream's Read may call it.
func (o *ObjectReader) Partial() bool { return o.depth > 0 }

// Next returns the next object, which is valid until the next call. It returns io.EOF if the stream ends
// between objects, and io.ErrUnexpectedEOF if it ends inside an object.
func (o *ObjectReader) Next() ([]byte, error) {
	o.begin = o.next
	for {
		for ; o.next < len(o.buf); o.next++ {
			done, err := o.scan(o.buf[o.next])
			switch {
			case err != nil:
				return nil, err
			case o.depth == 0 && !done:
				o.begin = o.next + 1 // white space
			case o.next-o.begin >= MaxObject:
				return nil, ErrObjectSize
			case done:
				o.next++
				return o.buf[o.begin:o.next], nil
			}
		}
		if err := o.fill(); err != nil {
			if errors.Is(err, io.EOF) && o.Partial() {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// scan follows one byte, and reports whether it ends an object.
func (o *ObjectReader) scan(c byte) (done bool, err error) {
	switch {
	case o.depth == 0 && c == '{':
		o.depth = 1
	case o.depth == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
	case o.depth == 0:
		return false, fmt.Errorf("%w: %q", ErrNoObject, c)
	case o.esc:
		o.esc = false
	case o.str && c == '\\':
		o.esc = true
	case c == '"':
		o.str = !o.str
	case o.str:
	case c == '{':
		o.depth++
	case c == '}':
		o.depth--
		return o.depth == 0, nil
	}
	return false, nil
}

// fill reads more bytes behind the part of an object that buf already has.
func (o *ObjectReader) fill() error {
	kept := copy(o.buf, o.buf[o.begin:])
	o.next -= o.begin
	o.begin = 0
	if kept == 0 && cap(o.buf) > 4<<10 {
		o.buf = nil // so that one long object doesn't occupy its length for the rest of the connection
	}
	if kept == cap(o.buf) {
		o.buf = slices.Grow(o.buf[:kept], max(kept, 1<<10))
	}
	o.buf = o.buf[:kept]
	for {
		n, err := o.r.Read(o.buf[kept:cap(o.buf)])
		if n > 0 {
			o.buf = o.buf[:kept+n]
			return nil
		}
		if err != nil {
			return err
		}
	}
}
