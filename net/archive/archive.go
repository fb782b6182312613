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
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// maxLine bounds a line: encoding a body as a JSON string at most doubles it.
const maxLine = 2*record.MaxBody + 256

// encodeLine returns a record's line with its newline. It writes the line to buf, over the one before.
func encodeLine(buf *bytes.Buffer, r wire.Record) []byte {
	buf.Reset()
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(r) // a string and bytes: it can't fail
	return buf.Bytes()
}

// Write writes the exact form of records, which come in the order of Store.ReadAll, and returns their
// number. It doesn't check signatures.
func Write(w io.Writer, records iter.Seq2[store.RawEntry, error]) (n int, err error) {
	var buf bytes.Buffer
	return writeLines(w, records, func(r store.RawEntry) ([]byte, error) {
		return encodeLine(&buf, wire.Record{Body: r.Body, Sig: r.Sig[:]}), nil
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

// WriteText writes the text form of records, a line each, and returns their number. It verifies
// each record, because no reader of the text can, and fails at the first bad record.
//
//	2026-07-01T12:54:03.123Z dana·91c0: what she said
//	2026-07-01T12:54:09.001Z * dana·91c0 waves
//	2026-07-01T12:55:00.000Z - dana·91c0 is now called dan
//
// A name is the author's latest in the records before, with the first digits of the key.
// Backslashes and invisible or text-moving characters are escaped as in a Go string. So the text
// can be recovered, and does nothing to a terminal.
func WriteText(w io.Writer, records iter.Seq2[store.RawEntry, error]) (n int, err error) {
	names := map[record.FeedKey]string{}
	return writeLines(w, records, func(r store.RawEntry) ([]byte, error) {
		e, err := r.Verify()
		if err != nil {
			return nil, fmt.Errorf("record %d of feed %v: %w", r.Key.Seq, r.Key.Feed, err)
		}
		return []byte(textLine(e.Record, names)), nil
	})
}

func textLine(r *record.Record, names map[record.FeedKey]string) string {
	feed := r.FeedKey()
	kind, name := r.Kind(), names[feed]
	if kind == record.KindOpen {
		name = r.Name()
	}
	if kind.IsName() {
		names[feed] = r.Name()
	}
	who := escape(name) + "·" + r.Author().Short()
	var said string
	switch {
	case kind == record.KindMe:
		said = "* " + who + " " + escape(r.Text())
	case kind.IsText():
		said = who + ": " + escape(r.Text())
	case kind == record.KindOpen:
		said = "- " + who + " begins"
	case kind.IsName():
		said = "- " + who + " is now called " + escape(r.Name())
	default:
		said = "- " + who + " " + string(kind) + " " + escape(string(r.Body().Data))
	}
	return time.UnixMilli(r.Time().Ms).UTC().Format("2006-01-02T15:04:05.000Z ") + said + "\n"
}

// escape makes text a single line that shows all it contains.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
