package wire

import (
	"errors"
	"fmt"
	"io"
)

// MaxObject is the greatest JSON object that is read from a seed program, in bytes (DESIGN.md §10).
const MaxObject = 64 << 10

// Errors of ObjectReader. What follows on the connection can't be found any more.
var (
	ErrObjectSize = errors.New("JSON object is over 64 KiB")
	ErrNoObject   = errors.New("not a JSON object")
)

// ObjectReader finds JSON objects in a stream: back to back or with white space between, whole or in
// any split over reads. It only counts braces outside of strings; what is between them is DecodeSeed's
// business. It is for one goroutine.
type ObjectReader struct {
	r     io.Reader
	buf   []byte
	begin int // of the object, in buf
	next  int // byte that is to be looked at
	depth int
	str   bool // inside a string
	esc   bool // after a backslash in one
}

// NewObjectReader reads from r.
func NewObjectReader(r io.Reader) *ObjectReader { return &ObjectReader{r: r} }

// Partial reports whether part of an object was received, and the rest is waited for. It may be called
// from within the Read of the stream.
func (o *ObjectReader) Partial() bool { return o.depth > 0 }

// Next returns the next object, valid until the call after. io.EOF between objects is the regular end;
// inside one it is io.ErrUnexpectedEOF.
func (o *ObjectReader) Next() ([]byte, error) {
	o.begin = o.next
	for {
		for ; o.next < len(o.buf); o.next++ {
			done, err := o.look(o.buf[o.next])
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

// look takes one byte; done says that it ends an object.
func (o *ObjectReader) look(c byte) (done bool, err error) {
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

// fill reads more behind what is kept of an object that has begun.
func (o *ObjectReader) fill() error {
	kept := copy(o.buf, o.buf[o.begin:])
	o.next -= o.begin
	o.begin = 0
	if kept == 0 && cap(o.buf) > 4<<10 {
		o.buf = nil // one long object doesn't cost its length for as long as the connection stays
	}
	if kept == cap(o.buf) {
		grown := make([]byte, kept, max(2*kept, 1<<10))
		copy(grown, o.buf[:kept])
		o.buf = grown
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
