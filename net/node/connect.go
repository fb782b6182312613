package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/wire"
)

// The schemes of plain addresses of Connect: a program that speaks lines, and one of the seed. Others are native.
const (
	lineScheme = "line://"
	jsonScheme = "json://"
)

// Connect dials host:port, line://host:port or json://host:port, and retries for ever. Events report how it goes.
func (n *Node) Connect(addr string) error {
	at := strings.TrimPrefix(strings.TrimPrefix(addr, lineScheme), jsonScheme)
	if portOf(at) == 0 {
		return fmt.Errorf("%q is no address: give HOST:PORT, as in 192.168.1.31:8080", addr)
	}
	n.mu.Lock()
	delete(n.mu.quiet, addr) // the person who asks for it wants to know
	n.mu.Unlock()
	n.dial(addr)
	return nil
}

func (n *Node) dial(addr string) {
	if at, ok := strings.CutPrefix(addr, lineScheme); ok {
		n.cleartext.plain.ConnectLine(at)
	} else if at, ok := strings.CutPrefix(addr, jsonScheme); ok {
		n.cleartext.plain.ConnectJSON(at)
	} else {
		n.mesh.Connect(n.tcp.Route(addr))
	}
}

// cancelConnect ends what Connect does for an address, and the link that came of it, if there is anything to end.
func (n *Node) cancelConnect(addr string) bool {
	at := strings.TrimPrefix(strings.TrimPrefix(addr, lineScheme), jsonScheme)
	native := at == addr && n.mesh.CancelConnect(at)
	if plain := n.cleartext.plain.CancelConnect(at); !plain && !native {
		return false
	}
	n.forget(at, lineScheme+at, jsonScheme+at)
	var there []string
	n.mu.Lock()
	if p := n.mu.peers[n.mu.reachedAt[at]]; native && p != nil {
		there = append(there, p.ID)
	}
	n.mu.Unlock()
	for _, p := range n.cleartext.plain.Peers() {
		if p.Addr.String() == at {
			there = append(there, p.ID)
		}
	}
	for _, id := range there {
		_ = n.Disconnect(id) // it may have gone meanwhile
	}
	return true
}

// dialAll dials the addresses that the user named and, quietly, those that were reached in earlier runs.
func (n *Node) dialAll() {
	n.mu.Lock()
	var again []string
	for _, addr := range n.cfg.Remembered {
		if !slices.Contains(n.cfg.Connect, addr) && !slices.Contains(again, addr) {
			n.mu.quiet[addr] = true
			again = append(again, addr)
		}
	}
	n.mu.Unlock()
	for _, addr := range slices.Concat(n.cfg.Connect, again) {
		n.dial(addr)
	}
}

// warnCantConnect reports why an address can't be reached.
func (n *Node) warnCantConnect(addr string, err error, hint string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.quiet[addr] || n.mu.quiet[lineScheme+addr] || n.mu.quiet[jsonScheme+addr] {
		n.cfg.Log.Info("can't connect to a peer of earlier", "addr", addr, "error", err)
		return
	}
	text := "can't connect to " + addr + ": " + err.Error()
	if errors.Is(err, plain.ErrEnded) {
		text = addr + ": " + err.Error()
	}
	n.notice(event.Warning, text, hint)
}

// forget lets go of addresses that a peer was reached at, so that the next start doesn't dial them.
func (n *Node) forget(addrs ...string) {
	if n.cfg.Forget == nil {
		return
	}
	for _, addr := range addrs {
		n.cfg.Forget(addr)
	}
}

// Disconnect ends the link to the peer with that uuid, or what Connect does for an address, until the next Connect.
func (n *Node) Disconnect(id string) error {
	if n.cancelConnect(id) {
		return nil
	}
	n.mu.Lock()
	p := n.findPeerLocked(id)
	n.mu.Unlock()
	if p == nil {
		if named, ok := n.cleartext.plain.Disconnect(id); ok {
			n.forget(lineScheme+named, jsonScheme+named)
			return nil
		}
		return errNoSuchPeer(id)
	}
	n.mu.Lock()
	for addr, at := range n.mu.reachedAt {
		if at == p.Key {
			defer n.forget(addr)
		}
	}
	n.mu.Unlock()
	n.mesh.Block(p.Key, wire.ByeLeaving)
	return nil
}

// onReached follows each success of an address that was named. key is zero for a plain peer.
func (n *Node) onReached(addr string, key identity.Key) {
	n.mu.Lock()
	delete(n.mu.quiet, addr)
	n.mu.reachedAt[addr] = key
	n.mu.Unlock()
	if n.cfg.Reached != nil {
		n.cfg.Reached(addr)
	}
}
