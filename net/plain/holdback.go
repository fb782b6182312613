package plain

import (
	"context"
	"net/netip"

	"chat.lan/p2pchat/net/event"
)

// A program that speaks in cleartext has no key, so it may call itself anything. Under a verified person's name it
// would get what is meant for that person, if a stranger on the path cut the encrypted link. So the user says with
// /unsigned what such a peer gets.

// heldPeers says whether a message also goes to peers that are held back.
type heldPeers bool

const (
	heldOut heldPeers = false
	heldIn  heldPeers = true // the user said it with /unsigned
)

// noteWriter takes the name that a message from an address came under. If that name is held back, so are the peers
// that may have written it: the one with this id there, else all that are there. A peer's own message under another
// name ends that for it.
func (j *jsonPeers) noteWriter(from netip.AddrPort, id, name string) {
	if !j.cfg.CheckName(name, from) {
		j.noteOtherName(from, id)
		return
	}
	j.mu.Lock()
	writers := j.atLocked(from.Addr())
	for _, pe := range writers {
		if pe.ID == id {
			writers = []*jsonPeer{pe}
			break
		}
	}
	j.mu.Unlock()
	for _, pe := range writers {
		j.change(pe, func() { pe.writesAs, pe.HeldBack = name, true })
	}
}

// noteOtherName notes that the peer with this id at an address has written under a name that isn't held back.
func (j *jsonPeers) noteOtherName(from netip.AddrPort, id string) {
	j.mu.Lock()
	var own *jsonPeer
	var was jsonPeer
	for _, pe := range j.atLocked(from.Addr()) {
		if pe.ID == id && pe.writesAs != "" {
			own, was = pe, jsonPeer{Peer: pe.Peer}
		}
	}
	j.mu.Unlock()
	if own == nil {
		return
	}
	held := j.cfg.CheckName(was.Name, was.Addr)
	j.change(own, func() {
		if own.ID == id && own.Name == was.Name {
			own.writesAs, own.HeldBack = "", held
		}
	})
}

// checkNames asks CheckName again about each peer.
func (j *jsonPeers) checkNames() {
	var all []jsonPeer
	for pe := range j.each {
		all = append(all, jsonPeer{Peer: pe.Peer, writesAs: pe.writesAs})
	}
	for _, was := range all {
		held := j.cfg.CheckName(was.Name, was.Addr) || was.writesAs != "" && j.cfg.CheckName(was.writesAs, was.Addr)
		j.mu.Lock()
		pe := j.byAddr[was.Addr]
		j.mu.Unlock()
		if pe != nil && held != was.HeldBack {
			j.change(pe, func() {
				if pe.Name != was.Name || pe.writesAs != was.writesAs {
					return
				}
				if pe.HeldBack = held; !held {
					pe.writesAs, pe.reportedHeld = "", false
				}
			})
		}
	}
}

// checkNames asks CheckName again about each line client.
func (l *lineClients) checkNames() {
	var all []event.Peer
	clients := map[string]*lineClient{}
	for c := range l.each {
		all = append(all, c.peer)
		clients[c.peer.ID] = c
	}
	for _, was := range all {
		if held := l.cfg.CheckName(was.Name, was.Addr); held != was.HeldBack {
			l.setHeldBack(clients[was.ID], held)
		}
	}
}

// setHeldBack changes a line client and reports it.
func (l *lineClients) setHeldBack(c *lineClient, held bool) {
	l.reporting.Lock()
	defer l.reporting.Unlock()
	l.mu.Lock()
	_, here := l.all[c]
	before := c.peer
	c.peer.HeldBack = held
	after := c.peer
	l.mu.Unlock()
	if here {
		l.cfg.Handler.Peer(after, before)
	}
}

// reportHeldBack reports that a message didn't go to a peer. It may be called under a lock.
func (s *shared) reportHeldBack(p event.Peer) {
	s.group.Go("plain/heldback", func(context.Context) { s.cfg.Handler.HeldBack(p) })
}
