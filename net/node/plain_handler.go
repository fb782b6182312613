package node

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
)

// maxRefused bounds the plain senders whose refusals are counted apart.
const maxRefused = 1024

// plainHandler is told what plain peers do.
type plainHandler struct{ n *Node }

// Peer is of plain.Handler.
func (h plainHandler) Peer(p, before event.Peer) {
	n := h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wake()
	if n.closed || n.known(p.ID) { // it is us who leave; or it turned out to be native, and is told of as such
		return
	}
	if before.ID != "" && before.ID != p.ID {
		gone := before
		gone.State = event.Left
		n.events.Post(event.PeerChanged{Peer: gone})
	}
	if p.Kind == event.KindLine && (p.State == event.Left || p.State == event.Lost) {
		defer delete(n.plainIgnored, p.ID) // its id never comes again
	}
	p.Ignored = n.plainIgnored[p.ID]
	changed := event.PeerChanged{Peer: p}
	if before.ID == p.ID && before.Name != p.Name {
		changed.Renamed = before.Name
	}
	n.events.Post(changed)
}

// Said is of plain.Handler. A guest's line goes on to native peers, which can't hear it otherwise.
func (h plainHandler) Said(l event.Line) {
	n := h.n
	n.events.WaitSpace()
	if l.Kind == event.KindLine {
		n.waitClear()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.box.Policy().SecureOnly { // since plain looked
		n.refuseClear(l.FromName)
		return
	}
	l.FromID = n.alias(l.FromID)
	n.events.Post(event.Said{Line: l})
	if l.Kind == event.KindLine {
		self := n.cfg.Identity.Key()
		n.clearly(func() int { return n.clearToLinks(l, &self) })
	}
}

// Refused is of plain.Handler.
func (h plainHandler) Refused(from, reason string) {
	n := h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if reason == *n.muted.Load() {
		n.refuseClear(from)
		return
	}
	if len(n.plainRefused) >= maxRefused {
		clear(n.plainRefused)
	}
	key := from + "\x00" + reason
	n.plainRefused[key]++
	n.refused[reason]++
	n.events.Post(event.Refused{From: from, Reason: reason, Count: n.plainRefused[key]})
}

// Info is of plain.Handler.
func (h plainHandler) Info(from, text string) { h.n.notice(event.Info, from+" "+text, "") }

// Undelivered is of plain.Handler.
func (h plainHandler) Undelivered(p event.Peer, lines int, err error) {
	h.n.notice(event.Warning, fmt.Sprintf("%s (%s) can't be reached, and didn't get %d of the lines said: %v", p.Name, p.Addr, lines, err),
		"it is tried again with each line, until nothing was heard of it for a minute")
}

// Trouble is of plain.Handler.
func (h plainHandler) Trouble(addr string, err error) {
	hint := "it is tried again for ever; does a program listen there?"
	if errors.Is(err, plain.ErrNative) || errors.Is(err, plain.ErrSelf) || errors.Is(err, plain.ErrNotAllowed) {
		hint = ""
	} else if errors.Is(err, plain.ErrEnded) {
		hint = "it is tried again for ever, until you /disconnect it"
	}
	h.n.cantConnect(addr, err, hint)
}
