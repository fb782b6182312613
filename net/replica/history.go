package replica

import (
	"context"
	"io"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
)

// maxMessages bounds one answer of History and Search.
const maxMessages = 10_000

// History returns at most max messages that stand before a place in the raw order, nearest last; the zero Place
// means the end. Fewer than max: there are no more. Each was verified when it was read. It waits for the disk.
func (r *Replica) History(ctx context.Context, before event.Place, max int) ([]event.Line, error) {
	max = min(max, maxMessages)
	var out []event.Line // nearest first
	for key := orderKeyAt(before); len(out) < max; {
		page, err := r.store.ReadBefore(ctx, key, max)
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(page) {
			if key = store.OrderKeyOf(e.Record); len(out) < max && e.Record.Kind().IsShown() {
				out = append(out, r.pastLine(e))
			}
		}
		if len(page) < max {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// Search returns at most max messages that contain text, whatever its case, before a place (zero: the end), nearest
// last. It waits for the disk. When ctx ends it returns what it found until then, with the error of ctx.
func (r *Replica) Search(ctx context.Context, text string, before event.Place, max int) ([]event.Line, error) {
	var out []event.Line
	var failed error
	for e, err := range r.store.Search(ctx, text, orderKeyAt(before)) {
		if failed = err; err != nil {
			break
		}
		if e.Record.Kind().IsShown() {
			out = append(out, r.pastLine(e))
		}
		if len(out) >= min(max, maxMessages) {
			break
		}
	}
	slices.Reverse(out)
	return out, failed
}

func orderKeyAt(p event.Place) store.OrderKey {
	return store.OrderKey{Time: record.Time{Ms: p.Ms, N: p.N}, Author: p.Author, Feed: record.Feed(p.Feed), Seq: p.Seq}
}

// pastLine returns a stored message.
func (r *Replica) pastLine(e store.Entry) event.Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := r.lineLocked(e)
	line.Arrived, line.History = e.Arrived, true
	return line
}

// Export writes the room's records, as package archive does (text: its form for reading), and returns
// their number. A since that is not zero leaves out what is older. It waits for the disk.
func (r *Replica) Export(ctx context.Context, w io.Writer, since time.Time, text bool) (int, error) {
	if text {
		return archive.WriteText(w, r.store.ReadAll(ctx, since))
	}
	return archive.Write(w, r.store.ReadAll(ctx, since))
}
