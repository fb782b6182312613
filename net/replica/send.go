package replica

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// maxAtOnce is the longest text that Send takes, in bytes.
const maxAtOnce = 1 << 20

// Send signs text and sends it to everyone; kind is record.KindChat or record.KindMe. It never blocks.
// Text over 8 KiB becomes several messages, cut at line or character ends; over 1 MiB it is refused.
func (r *Replica) Send(kind record.Kind, text string) error {
	if len(text) > maxAtOnce {
		return fmt.Errorf("%d bytes at once are too many: the limit is %d, send less or a file", len(text), maxAtOnce)
	}
	text = ShowControls(text)
	if strings.TrimSpace(text) == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, chunk := range splitText(text, record.MaxText) {
		entries, err := r.room.AppendText(kind, chunk)
		if err != nil {
			return fmt.Errorf("that can't be said: %w", err)
		}
		r.size.addLocked(entries, entries[0].Record.Seq() == 0)
		sent := 0
		for _, e := range entries {
			r.saver.saveLocked(e, true)
			r.mu.floods.count(e.Record.Author(), len(e.Record.Signed()))
			sent = r.forwardLocked(e.Record, identity.Key{})
		}
		line := r.lineLocked(entries[len(entries)-1])
		line.Own = true
		sent += r.cfg.Host.SendCleartext(line)
		r.mu.lastSent = line
		r.cfg.Events.Post(event.Sent{Scope: r.scope, Line: line, Peers: sent})
		r.refusals.postNotKeptLocked()
	}
	return nil
}

// ShowControls replaces control characters, which no record takes, by visible ones: a program may colour its output.
func ShowControls(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case c < 0x20:
			return 0x2400 + c // ␀ …
		case c == 0x7f:
			return 0x2421
		case c > 0x7f && c <= 0x9f:
			return utf8.RuneError
		}
		return c
	}, text)
}

// splitText cuts text into parts of at most size bytes, at the last line end in each, else between characters.
func splitText(text string, size int) []string {
	var out []string
	for len(text) > size {
		cut := strings.LastIndexByte(text[:size], '\n') + 1
		if cut == 0 {
			cut = len(wire.TruncateUTF8(text, size))
		}
		out = append(out, strings.TrimSuffix(text[:cut], "\n"))
		text = text[cut:]
	}
	return append(out, text)
}

// forwardLocked hands a record on, and returns to how many peers. A local record goes to all. Another
// goes to the neighbours that are not linked to its author, except the peer that it came from.
func (r *Replica) forwardLocked(rec *record.Record, from identity.Key) int {
	var frame wire.Frame
	sent := 0
	author := rec.Author()
	peers := r.mu.linked
	if !from.IsZero() {
		peers = r.hearersLocked(author)
	}
	for _, p := range peers {
		if p.key == from || p.key == author || p.refusesAuthor(author) {
			continue
		}
		if frame == nil {
			if frame = r.encode(wire.Record{Body: rec.Signed(), Sig: rec.Signature()}); frame == nil {
				return 0
			}
		}
		r.slowPeers.pushOrNoteLocked(p, rec, frame, from)
		sent++
	}
	return sent
}

// pushLive queues a live record that came from a peer, or a local one.
func (p *peer) pushLive(cfg Config, frame wire.Frame, author, from identity.Key) bool {
	if author == cfg.Identity.Key() {
		return p.link.Live(frame)
	}
	of, rank := cfg.Host.FlowOf(author, from)
	return p.link.Relay(frame, of, rank)
}

// SendTyping notifies peers that the local person is typing, or has stopped.
func (r *Replica) SendTyping(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.mu.linked {
		r.send(p.link, wire.Typing{Room: r.id, On: on})
	}
}
