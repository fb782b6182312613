// Package archive writes the room as a file for export, and checks such a file for verify.
//
// The exact form has a record on each line, ordered by time, author, feed and seq. Each line is as on
// the wire and ends in a newline:
//
//	{"body":"<the exact signed bytes>","sig":"<base64>"}
//
// The escapes and base64 are those of package crypto/record, rules 3 and 4. The file contains nothing
// that only its writer knows, so peers with the same records write the same bytes. Verify needs
// nothing but such a file, and accepts no other bytes for the same records.
//
// The text form is for reading. Its times are in UTC and, like the exact form, it says nothing of its
// writer.
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

// liner encodes records as lines, reusing its memory.
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

// line returns a record's line with its newline, valid until the next call.
func (l *liner) line(r wire.Record) []byte {
	l.buf.Reset()
	_ = l.encoder.Encode(r) // a string and bytes: it can't fail
	return l.buf.Bytes()
}

// Write writes the exact form of records, which come in the order of Store.ReadAll, and returns their
// number. It doesn't check signatures.
func Write(w io.Writer, records iter.Seq2[store.RawEntry, error]) (n int, err error) {
	l := newLiner()
	return writeLines(w, records, func(r store.RawEntry) ([]byte, error) {
		return l.line(wire.Record{Body: r.Body, Sig: r.Sig[:]}), nil
	})
}

// writeLines writes a line for each record and returns their number.
func writeLines(w io.Writer, records iter.Seq2[store.RawEntry, error],
	line func(store.RawEntry) ([]byte, error)) (n int, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	for r, err := range records {
		if err != nil {
			return n, fmt.Errorf("read the records to export: %w", err)
		}
		text, err := line(r)
		if err == nil {
			_, err = out.Write(text)
		}
		if err != nil {
			return n, fmt.Errorf("export: %w", err)
		}
		n++
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("export: %w", err)
	}
	return n, nil
}
