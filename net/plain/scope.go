package plain

import (
	"fmt"
	"net/netip"
	"slices"
)

// Scope says from where plain peers are allowed: a value of --plain-peers.
type Scope string

// The scopes.
const (
	ScopeLAN      Scope = "lan" // loopback, private and link-local addresses, and the networks of this machine
	ScopeLoopback Scope = "loopback"
	ScopeAll      Scope = "all"
	ScopeOff      Scope = "off"
)

// ParseScope returns the scope that a text names; "" is ScopeLAN.
func ParseScope(text string) (Scope, error) {
	switch s := Scope(text); s {
	case "":
		return ScopeLAN, nil
	case ScopeLAN, ScopeLoopback, ScopeAll, ScopeOff:
		return s, nil
	}
	return "", fmt.Errorf("plain peers %q: use lan, loopback, all or off", text)
}

// Allows reports whether an address is in the scope. networks are those of
// this machine's interfaces.
func (s Scope) Allows(a netip.Addr, networks []netip.Prefix) bool {
	a = a.Unmap()
	switch s {
	case ScopeAll:
		return a.IsValid()
	case ScopeLoopback:
		return a.IsLoopback()
	case ScopeLAN:
		inside := func(n netip.Prefix) bool { return n.Contains(a.WithZone("")) }
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || slices.ContainsFunc(networks, inside)
	}
	return false
}
