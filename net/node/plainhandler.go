package node

import (
	"errors"
	"fmt"
	"net/netip"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/plain"
)

// plainHandler follows what plain peers do. It implements plain.Handler.
type plainHandler struct{ *cleartext }

func (h plainHandler) Peer(p, before event.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.closed || n.isNativeIDLocked(p.ID) { // it is we who leave; or it turned out to be native
		return
	}
	if before.ID != "" && before.ID != p.ID {
		gone := before
		gone.State = event.Left
		n.events.Post(event.PeerChanged{Peer: gone})
	}
	if p.Kind == event.KindLine && (p.State == event.Left || p.State == event.Lost) {
		defer delete(h.mu.ignored, p.ID) // its id never comes again
	}
	p.Ignored = h.mu.ignored[p.ID]
	changed := event.PeerChanged{Peer: p}
	if before.ID == p.ID && before.Name != p.Name {
		changed.Renamed = before.Name
	}
	n.events.Post(changed)
}

// Said implements plain.Handler. It hands a line client's message on to native peers.
func (h plainHandler) Said(l event.Line) {
	h.n.events.WaitSpace(len(l.Text), func() (fair.Flow, int) { return fair.Flow{Group: fair.Group{Kind: cleartextFlow}}, 0 })
	defer h.n.events.Posted(len(l.Text))
	if l.Kind == event.KindLine {
		h.waitForLinks()
	}
	if h.refuseUnderSecureOnly(l.FromName) { // since plain looked
		return
	}
	l.FromID = h.safeSenderID(l.FromID)
	h.n.events.Post(event.Said{Scope: h.scope(), Line: l})
	if l.Kind == event.KindLine {
		self := h.n.cfg.Identity.Key()
		h.whenAllowed(false, func() int { return h.sendToLinks(l, &self) })
	}
}

func (h plainHandler) Refused(from, reason string) {
	if label, on := h.n.SecureOnly(); on && reason == h.muteReason() {
		h.countDropped(from, label)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n.countRefused(reason)
	h.postRefusedLocked(h.mu.refused, from+"\x00"+reason, from, reason)
}

func (h plainHandler) Info(from, text string) { h.n.notice(event.Info, from+" "+text, "") }

func (h plainHandler) Unlike(addr netip.AddrPort) {
	h.n.notice(event.Warning, unmapped(addr).Addr().String()+" announces a chat but doesn't behave like one", talkAnyway(addr))
}

// talkAnyway returns the next step for an address that doesn't behave like a chat.
func talkAnyway(addr netip.AddrPort) string {
	return fmt.Sprintf("/connect %s%v to talk to it anyway", jsonScheme, unmapped(addr))
}

// unmapped returns an IPv4 address as one, though a dual-stack socket names it ::ffff:10.0.0.7.
func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// ReadsAlong implements plain.Handler. It warns once for each source.
func (h plainHandler) ReadsAlong(from netip.Addr) {
	source := h.n.standings.sourceOf(from)
	h.mu.Lock()
	if len(h.mu.readers) >= maxSenders {
		clear(h.mu.readers)
	}
	again := h.mu.readers[source]
	h.mu.readers[source] = true
	h.mu.Unlock()
	if !again {
		h.n.notice(event.Warning, from.String()+" reads along, unencrypted", "--plain-peers off keeps such programs out")
	}
}

func (h plainHandler) HeldBack(p event.Peer) {
	h.n.notice(event.Warning, fmt.Sprintf("what you write doesn't go to %s (%v), which is unencrypted under the name of a person you verified", p.Name, unmapped(p.Addr)),
		"/unsigned TEXT writes to it anyway")
}

func (h plainHandler) Undelivered(p event.Peer, lines int, err error) {
	if errors.Is(err, plain.ErrUnlike) {
		h.n.notice(event.Warning, fmt.Sprintf("%s (%s) didn't get %d of the messages: %v", p.Name, unmapped(p.Addr), lines, err), talkAnyway(p.Addr))
		return
	}
	h.n.notice(event.Warning, fmt.Sprintf("%s (%s) can't be reached, and didn't get %d of the lines said: %v", p.Name, p.Addr, lines, err),
		"it is tried again with each line, until nothing was heard of it for a minute")
}

func (h plainHandler) Trouble(addr string, err error) {
	hint := "it is tried again for ever; does a program listen there?"
	if errors.Is(err, plain.ErrNative) || errors.Is(err, plain.ErrSelf) || errors.Is(err, plain.ErrNotAllowed) {
		hint = ""
	} else if errors.Is(err, plain.ErrEnded) {
		hint = "it is tried again for ever, until you /disconnect it"
	}
	h.n.warnCantConnect(addr, err, hint)
}
