package archive

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

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
