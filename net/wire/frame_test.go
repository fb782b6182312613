package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func framed(n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), bytes.Repeat([]byte{'x'}, n)...)
}

func TestReader(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []byte
		want []int // lengths of the payloads
		err  error
	}{
		{"nothing", nil, nil, io.EOF},
		{"smallest", framed(1), []int{1}, io.EOF},
		{"greatest", framed(MaxFrame), []int{MaxFrame}, io.EOF},
		{"three", bytes.Join([][]byte{framed(5), framed(MaxFrame), framed(2)}, nil), []int{5, MaxFrame, 2}, io.EOF},
		{"around what is read ahead", bytes.Join([][]byte{framed(readAhead - 5), framed(readAhead - 4), framed(readAhead - 3), framed(7)}, nil),
			[]int{readAhead - 5, readAhead - 4, readAhead - 3, 7}, io.EOF},
		{"cut in a long one", framed(readAhead)[:readAhead-9], nil, io.ErrUnexpectedEOF},
		{"empty", framed(0), nil, ErrFrameSize},
		{"too long", framed(MaxFrame + 1), nil, ErrFrameSize},
		{"far too long", []byte{0xff, 0xff, 0xff, 0xff}, nil, ErrFrameSize},
		{"TLS to a plain port", []byte{0x16, 3, 1, 0, 200}, nil, ErrFrameSize},
		{"empty after a good one", append(framed(3), framed(0)...), []int{3}, ErrFrameSize},
		{"cut in the head", framed(5)[:3], nil, io.ErrUnexpectedEOF},
		{"cut after the head", framed(5)[:4], nil, io.ErrUnexpectedEOF},
		{"cut in the payload", framed(5)[:8], nil, io.ErrUnexpectedEOF},
		{"cut in the second", append(framed(2), framed(5)[:8]...), []int{2}, io.ErrUnexpectedEOF},
	} {
		for split, source := range map[string]io.Reader{
			"whole": bytes.NewReader(tc.in), "a byte at a time": iotest.OneByteReader(bytes.NewReader(tc.in)),
			"with the end": iotest.DataErrReader(bytes.NewReader(tc.in)),
		} {
			r := NewReader(source)
			for _, n := range tc.want {
				payload, err := r.Next()
				if err != nil || len(payload) != n || bytes.ContainsFunc(payload, func(c rune) bool { return c != 'x' }) {
					t.Fatalf("%s, %s: %d bytes, %v, want %d", tc.name, split, len(payload), err, n)
				}
			}
			if payload, err := r.Next(); !errors.Is(err, tc.err) || payload != nil {
				t.Errorf("%s, %s: %d bytes, %v, want %v", tc.name, split, len(payload), err, tc.err)
			}
		}
	}
}

// Buffered tells the reader whether it has more to submit at once.
func TestReaderBuffered(t *testing.T) {
	r := NewReader(bytes.NewReader(append(framed(10), framed(20)...)))
	if r.Buffered() != 0 {
		t.Errorf("%d bytes before the first read", r.Buffered())
	}
	if _, err := r.Next(); err != nil || r.Buffered() != 24 {
		t.Errorf("%v, %d bytes behind the first frame, want 24", err, r.Buffered())
	}
	if _, err := r.Next(); err != nil || r.Buffered() != 0 {
		t.Errorf("%v, %d bytes behind the last frame", err, r.Buffered())
	}
}

// While much comes at once, a Reader reads much at once: else each few messages cost a change of goroutine.
func TestReaderReadsMuchAtOnce(t *testing.T) {
	const record = 16 << 10 // as TLS hands out
	in := bytes.Repeat(framed(300), 4000)
	source := &countingReader{r: bytes.NewReader(in), most: record}
	for r := NewReader(source); ; {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if most := len(in)/record + 5; source.reads > most {
		t.Errorf("%d reads for %d bytes, want at most %d", source.reads, len(in), most)
	}
}

// countingReader reads at most so many bytes at once, and counts.
type countingReader struct {
	r           io.Reader
	most, reads int
}

func (c *countingReader) Read(p []byte) (int, error) {
	c.reads++
	return c.r.Read(p[:min(len(p), c.most)])
}

// A link that waits must not hold the buffer of the longest frame that came over it.
func TestReaderHoldsLittleWhileItWaits(t *testing.T) {
	const readers = 256
	long := append(framed(MaxFrame), framed(1)...)
	before := heapWithoutPools()
	kept := make([]*Reader, readers)
	for i := range kept {
		kept[i] = NewReader(bytes.NewReader(long))
		for range 2 {
			if _, err := kept[i].Next(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := kept[i].Next(); err != io.EOF { // as one that waits
			t.Fatal(err)
		}
	}
	if each := (heapWithoutPools() - before) / readers; each > 2*readAhead {
		t.Errorf("%d bytes for each Reader that waits", each)
	}
	runtime.KeepAlive(kept)
}

// heapWithoutPools returns the bytes in use on the heap. It collects twice, since what a sync.Pool holds outlives one
// collection, and how much that is depends on the tests before.
func heapWithoutPools() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
