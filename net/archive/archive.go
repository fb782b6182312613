// Package archive is the room as a file: written by export, checked by verify (DESIGN.md §3).
//
// The exact form has one record a line, in the raw order (time, author, feed, seq), each as it goes
// over the wire:
//
//	{"body":"<the exact signed bytes>","sig":"<base64>"}
//
// with Go's JSON encoding, without HTML escapes, and a newline at the end of every line. There is
// nothing in it that only its writer knows, so peers with the same records write the same bytes.
// Verify needs nothing but such a file, and takes no other bytes for the same records.
//
// The text form is for reading, in UTC, and says as little of its writer.
package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// maxLine bounds a line: encoding a body as a JSON string at most doubles it.
const maxLine = 2*record.MaxBody + 256

// liner encodes records as lines, over and over in the same memory.
type liner struct {
	buf     bytes.Buffer
	encoder *json.Encoder
}

func newLiner() *liner {
	l := &liner{}
	l.encoder = json.NewEncoder(&l.buf)
	l.encoder.SetEscapeHTML(false)
	return l
}

// line is a record's line, with its newline, valid until the next call.
func (l *liner) line(r wire.Record) []byte {
	l.buf.Reset()
	_ = l.encoder.Encode(r) // a string and bytes: it can't fail
	return l.buf.Bytes()
}

// Write writes the exact form of records, which must be in the raw order (store.All is), and returns
// their number. Signatures are not looked at.
func Write(w io.Writer, records iter.Seq2[store.RawEntry, error]) (n int, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	l := newLiner()
	for r, err := range records {
		if err != nil {
			return n, fmt.Errorf("read the records to export: %w", err)
		}
		if _, err := out.Write(l.line(wire.Record{Body: r.Body, Sig: r.Sig[:]})); err != nil {
			return n, fmt.Errorf("export: %w", err)
		}
		n++
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("export: %w", err)
	}
	return n, nil
}
