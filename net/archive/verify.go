package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Errors that a Flaw wraps, besides those of crypto/record.
var (
	ErrForm  = errors.New("the line is not written as an export writes it")
	ErrOrder = errors.New("the line stands out of order")
	ErrTwice = errors.New("the record is there twice")
	ErrFork  = errors.New("two records have one place in their author's feed")
	ErrChain = errors.New("the record does not follow the one before it in its author's feed")
	ErrCut   = errors.New("the last line is cut off")
)

// Flaw is the first error in a file.
type Flaw struct {
	Line int // from 1
	Err  error
}

// Error names the line and the reason.
func (f *Flaw) Error() string { return fmt.Sprintf("line %d: %v", f.Line, f.Err) }

// Unwrap returns the reason.
func (f *Flaw) Unwrap() error { return f.Err }

// Author is an author of records in a file.
type Author struct {
	Key     identity.Key
	Name    string // the last name in the file; "" if there is none
	Records int
}

// Report is the result of Verify.
type Report struct {
	Room        record.RoomID
	Records     int      // good records, up to the first flaw
	Authors     []Author // by key
	Feeds       int
	First, Last record.Time
	// Missing counts the records that lie between others of their feed and are not in the file:
	// the writer never got them, or they were removed. Records missing at a feed's end, or at its
	// beginning (--since, --keep), don't show.
	Missing uint64
	Flaw    *Flaw // nil: none
}

// Verify checks an export and stops at the first flaw. Each line must be as Write writes it, with a
// good signature. The lines must be in order, without repetition and of one room, and each must
// follow the record before it in its feed. The error is the reader's.
func Verify(r io.Reader) (Report, error) {
	v := &verifier{authors: map[identity.Key]*Author{}, chains: map[record.FeedKey]*chain{}}
	in := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return v.finish(), nil
		case err == io.EOF:
			v.flaw(n, ErrCut)
		case errors.Is(err, bufio.ErrBufferFull):
			v.flaw(n, fmt.Errorf("%w: it is longer than a record can be", ErrForm))
		case err != nil:
			return v.finish(), err
		default:
			v.flaw(n, v.take(n, line))
		}
		if v.report.Flaw != nil {
			return v.finish(), nil
		}
	}
}

type verifier struct {
	buf     bytes.Buffer
	report  Report
	last    *record.Record
	authors map[identity.Key]*Author
	chains  map[record.FeedKey]*chain
}

func (v *verifier) flaw(line int, err error) {
	if err != nil && (v.report.Flaw == nil || line < v.report.Flaw.Line) {
		v.report.Flaw = &Flaw{Line: line, Err: err}
	}
}

// take checks a line.
func (v *verifier) take(n int, line []byte) error {
	var w wire.Record
	if err := json.Unmarshal(line, &w); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	if !bytes.Equal(encodeLine(&v.buf, w), line) {
		return ErrForm
	}
	c, err := record.Parse(w.Body, w.Sig)
	if err != nil {
		return err
	}
	r, err := c.Verify()
	if err != nil {
		return err
	}
	if v.last == nil {
		v.report.Room, v.report.First = r.Body().Room, r.Time()
	} else if r.Body().Room != v.report.Room {
		return fmt.Errorf("the %w than those before it", record.ErrOtherRoom)
	} else if c := record.Compare(v.last, r); c == 0 {
		return ErrTwice
	} else if c > 0 {
		return ErrOrder
	}
	if r.Feed() != 0 {
		if err := v.chain(n, r); err != nil {
			return err
		}
	}
	v.last, v.report.Last = r, r.Time()
	v.report.Records++
	a := v.authors[r.Author()]
	if a == nil {
		a = &Author{Key: r.Author()}
		v.authors[r.Author()] = a
	}
	a.Records++
	if name := r.Name(); name != "" {
		a.Name = name
	}
	return nil
}

// chain is the known part of a feed: a run without a gap, and the pieces that aren't joined to it.
// If an author's clock went back, records stand before their predecessors in the file's order.
type chain struct {
	low, high  uint64
	prev, head record.ID // prev is what the record at low names, head the id of the one at high
	apart      map[uint64]piece
}

type piece struct {
	line     int
	id, prev record.ID
}

func (v *verifier) chain(n int, r *record.Record) error {
	key := r.FeedKey()
	c := v.chains[key]
	if c == nil {
		v.chains[key] = &chain{low: r.Seq(), high: r.Seq(), prev: r.Prev(), head: r.ID()}
		return nil
	}
	switch _, held := c.apart[r.Seq()]; {
	case held || r.Seq() >= c.low && r.Seq() <= c.high:
		return ErrFork
	case r.Seq() == c.high+1:
		if r.Prev() != c.head {
			return ErrChain
		}
		c.high, c.head = r.Seq(), r.ID()
	case r.Seq()+1 == c.low:
		if r.ID() != c.prev {
			return ErrChain
		}
		c.low, c.prev = r.Seq(), r.Prev()
	default:
		if c.apart == nil {
			c.apart = map[uint64]piece{}
		}
		c.apart[r.Seq()] = piece{n, r.ID(), r.Prev()}
	}
	return nil
}

// join puts the pieces of a feed in their places and counts the records missing between them.
func (c *chain) join(flaw func(int, error)) (missing uint64) {
	seqs := slices.Sorted(maps.Keys(c.apart))
	below, _ := slices.BinarySearch(seqs, c.low)
	for _, seq := range slices.Backward(seqs[:below]) {
		p := c.apart[seq]
		if missing += c.low - seq - 1; seq+1 == c.low && p.id != c.prev {
			flaw(p.line, ErrChain)
		}
		c.low, c.prev = seq, p.prev
	}
	for _, seq := range seqs[below:] {
		p := c.apart[seq]
		if missing += seq - c.high - 1; seq == c.high+1 && p.prev != c.head {
			flaw(p.line, ErrChain)
		}
		c.high, c.head = seq, p.id
	}
	return missing
}

func (v *verifier) finish() Report {
	for _, c := range v.chains {
		v.report.Missing += c.join(v.flaw)
	}
	v.report.Feeds = len(v.chains)
	for _, key := range slices.SortedFunc(maps.Keys(v.authors), identity.Key.Compare) {
		v.report.Authors = append(v.report.Authors, *v.authors[key])
	}
	return v.report
}
