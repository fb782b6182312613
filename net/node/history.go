package node

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
)

// mostLines bounds one answer of History and Search.
const mostLines = 10_000

// History returns at most max lines that stand before a place in the raw order, nearest last; the zero
// Place means the end. Fewer than max: there are no more. Each was verified when it was read. It waits
// for the disk.
func (n *Node) History(ctx context.Context, before event.Place, max int) ([]event.Line, error) {
	max = min(max, mostLines)
	var out []event.Line // nearest first
	for key := keyOf(before); len(out) < max; {
		page, err := n.store.ReadBefore(ctx, key, max)
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(page) {
			if key = store.OrderKeyOf(e.Record); len(out) < max && e.Record.Kind().IsShown() {
				out = append(out, n.pastLine(e))
			}
		}
		if len(page) < max {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// Search returns at most max lines that contain text, whatever its case, and stand before a place (the
// zero Place: the end), nearest last. It waits for the disk; what was found until ctx ended is returned
// with its error.
func (n *Node) Search(ctx context.Context, text string, before event.Place, max int) ([]event.Line, error) {
	var out []event.Line
	var failed error
	for e, err := range n.store.Search(ctx, text, keyOf(before)) {
		if failed = err; err != nil {
			break
		}
		if e.Record.Kind().IsShown() {
			out = append(out, n.pastLine(e))
		}
		if len(out) >= min(max, mostLines) {
			break
		}
	}
	slices.Reverse(out)
	return out, failed
}

func keyOf(p event.Place) store.OrderKey {
	return store.OrderKey{Time: record.Time{Ms: p.Ms, N: p.N}, Author: p.Author, Feed: record.Feed(p.Feed), Seq: p.Seq}
}

// pastLine is a line as it is remembered.
func (n *Node) pastLine(e store.Entry) event.Line {
	n.mu.Lock()
	defer n.mu.Unlock()
	line := n.lineOf(e)
	line.Arrived, line.History = e.Arrived, true
	line.Own = e.Record.Author() == n.cfg.Identity.Key()
	return line
}

// Export writes the room's records, as package archive does (text: its form for reading), and returns
// their number. A since that is not zero leaves out what is older. It waits for the disk.
func (n *Node) Export(ctx context.Context, w io.Writer, since time.Time, text bool) (int, error) {
	if text {
		return archive.WriteText(w, n.store.ReadAll(ctx, since))
	}
	return archive.Write(w, n.store.ReadAll(ctx, since))
}

// WhoHas tells who has the last line that one said in this run, of those it is for (event.Delivered), and
// who lacks it; false when nothing was said.
func (n *Node) WhoHas() (event.Reach, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := event.Reach{Line: n.lastSaid}
	if n.lastSaid.ID == "" {
		return out, false
	}
	upto := out.Line.Place.Seq + 1
	for _, p := range n.peers {
		switch {
		case p.has >= upto:
			out.Has = append(out.Has, p.now())
		case p.link != nil || p.due >= upto:
			out.Lacks = append(out.Lacks, p.now())
		}
	}
	for _, list := range [][]event.Peer{out.Has, out.Lacks} {
		slices.SortFunc(list, func(a, b event.Peer) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	}
	return out, true
}
