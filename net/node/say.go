package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// maxSaid is the longest text that is taken at once, in bytes (DESIGN.md §10).
const maxSaid = 1 << 20

// Say signs text and sends it to everybody. It never blocks. Text over 8 KiB becomes several lines,
// cut at line or character ends; over 1 MiB it is refused.
func (n *Node) Say(text string) error { return n.say(record.KindChat, text) }

// Me says something in the third person, as Say does.
func (n *Node) Me(text string) error { return n.say(record.KindMe, text) }

func (n *Node) say(kind record.Kind, text string) error {
	if len(text) > maxSaid {
		return fmt.Errorf("%d bytes at once are too many: the limit is %d, send less or a file", len(text), maxSaid)
	}
	text = printable(text)
	if strings.TrimSpace(text) == "" {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, piece := range pieces(text, record.MaxText) {
		entries, err := n.room.AppendText(kind, piece)
		if err != nil {
			return fmt.Errorf("that can't be said: %w", err)
		}
		sent := n.publish(entries)
		line := n.lineOf(entries[len(entries)-1])
		line.Own = true
		sent += n.clearly(func() int { return n.plain.Send(spoken(line), true) })
		n.lastSaid = line
		n.events.Post(event.Sent{Line: line, Peers: sent})
	}
	return nil
}

// printable shows the control characters that no record takes, so that a pipe from a program that
// colours its output is heard and not refused.
func printable(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20:
			return 0x2400 + r // ␀ …
		case r == 0x7f:
			return 0x2421
		case r > 0x7f && r <= 0x9f:
			return utf8.RuneError
		}
		return r
	}, text)
}

// pieces cuts text into parts of at most most bytes, at the last line end in each, else between
// characters.
func pieces(text string, most int) []string {
	var out []string
	for len(text) > most {
		cut := strings.LastIndexByte(text[:most], '\n') + 1
		if cut == 0 {
			cut = len(wire.TruncateUTF8(text, most))
		}
		out = append(out, strings.TrimSuffix(text[:cut], "\n"))
		text = text[cut:]
	}
	return append(out, text)
}

// publish queues one's own records to every link and returns how many took the last. Called with mu
// held, so that all links get them in one order.
func (n *Node) publish(entries []store.Entry) int {
	sent := 0
	for _, e := range entries {
		n.save(e, true)
		sent = n.forward(e.Record, nil)
	}
	return sent
}

// forward hands a record on: one's own to all links; another's to those neighbours, except from, who
// are not linked to its author (DESIGN.md §4, Links).
func (n *Node) forward(r *record.Record, from *link.Link) int {
	var frame wire.Frame
	sent := 0
	for _, p := range n.here {
		if p.link == from || p.Key == r.Author() || from != nil && p.links[r.Author()] {
			continue
		}
		if frame == nil {
			var err error
			if frame, err = wire.Encode(wire.Record{Body: r.Signed(), Sig: r.Signature()}); err != nil {
				n.cfg.Log.Error("encode a record", "error", err)
				return 0
			}
		}
		if !p.behind && !p.link.Live(frame) {
			p.behind = true // it pulls from now on (behind.go)
		}
		sent++
	}
	return sent
}

// Typing tells peers that one is writing, or has stopped.
func (n *Node) Typing(on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.here {
		n.send(p.link, wire.Typing{Room: n.room.ID().String(), On: on})
	}
}

// When WaitWritable returns, and how often it looks at all links.
const (
	writable  = 256  // small frames that still fit into a live queue
	ahead     = 4096 // lines that a peer which is behind may lack
	lookAgain = 50 * time.Millisecond
)

// WaitWritable waits until the fastest link has room in its queue; while nobody is there, until
// somebody is. A plain peer that takes what it is sent is waited for too, since it can't ask again.
func (n *Node) WaitWritable(ctx context.Context) error {
	if err := n.plain.WaitSpace(ctx); err != nil {
		return err
	}
	n.waitClear() // the line may be an /unsigned
	for {
		n.mu.Lock()
		l, space := n.fastest()
		changed := n.changed
		n.mu.Unlock()
		if space > writable || l == nil && len(n.plain.Peers()) > 0 {
			return nil
		}
		// Not for longer than a moment: another may become the fastest while this one is stuck.
		waiting, cancel := context.WithTimeout(ctx, lookAgain)
		err := link.ErrDown
		if l != nil {
			err = l.WaitLive(waiting)
		}
		if errors.Is(err, link.ErrDown) {
			select {
			case <-changed:
			case <-waiting.Done():
			}
		}
		cancel()
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// fastest is the link with the most room for live records, of those that aren't behind. When all are,
// their empty queues say nothing: then there is room as long as one of them acknowledges, and a change
// to wait for, no link. Called with mu held.
func (n *Node) fastest() (l *link.Link, space int) {
	for _, p := range n.here {
		if s := p.link.LiveSpace(); !p.behind && (l == nil || s > space) {
			l, space = p.link, s
		}
	}
	if l != nil {
		return l, space
	}
	_, seq, _ := n.room.OwnFeed()
	if slices.ContainsFunc(n.here, func(p *peer) bool { return seq < p.has+ahead }) {
		space = writable + 1
	}
	return nil, space
}
