package store

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"

	"chat.lan/p2pchat/net/search"
)

// Search implements Store.
func (d *Disk) Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error] {
	query := search.NewText(text)
	return func(yield func(Entry, error) bool) {
		contains := func(body []byte) bool { return query.Contains(unverifiedText(body)) }
		for raws, err := range d.spans(ctx, spanQuery{from: before, back: true, n: 64, want: contains}) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range d.verifyOrDrop(raws) {
				if e.Record.Text() != "" && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// textPrefix precedes the text of a message. No free text stands before it in a body, so it can't
// appear by chance.
var textPrefix = []byte(`,"data":{"text":"`)

// unverifiedText returns the text of a message whose signature is not verified; "" for other
// records.
func unverifiedText(body []byte) string {
	_, quoted, found := bytes.Cut(body, textPrefix)
	quoted, closed := bytes.CutSuffix(quoted, []byte(`"}}`))
	if !found || !closed {
		return ""
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted)
	}
	var text string
	if json.Unmarshal([]byte(`"`+string(quoted)+`"`), &text) != nil {
		return ""
	}
	return text
}
