package plain

import (
	"net/netip"
	"slices"
	"testing"
)

// TestScope checks which addresses each scope allows.
func TestScope(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	for addr, want := range map[string][]Scope{
		"127.0.0.1": {ScopeLAN, ScopeLoopback, ScopeAll}, "::1": {ScopeLAN, ScopeLoopback, ScopeAll},
		"192.168.1.7": {ScopeLAN, ScopeAll}, "10.1.2.3": {ScopeLAN, ScopeAll}, "fe80::1%eth0": {ScopeLAN, ScopeAll},
		"::ffff:10.1.2.3": {ScopeLAN, ScopeAll}, "fd00::1": {ScopeLAN, ScopeAll}, "169.254.3.4": {ScopeLAN, ScopeAll},
		"203.0.113.9": {ScopeLAN, ScopeAll}, "8.8.8.8": {ScopeAll}, "2001:db8::1": {ScopeAll},
	} {
		for _, s := range []Scope{ScopeLAN, ScopeLoopback, ScopeAll, ScopeOff} {
			if got := s.Allows(netip.MustParseAddr(addr), networks); got != slices.Contains(want, s) {
				t.Errorf("%s allows %s: %v", s, addr, got)
			}
		}
	}
	if ScopeAll.Allows(netip.Addr{}, nil) {
		t.Error("no address is allowed")
	}
	if s, err := ParseScope(""); s != ScopeLAN || err != nil {
		t.Errorf("the default is %q, %v", s, err)
	}
	if _, err := ParseScope("wan"); err == nil {
		t.Error("wan is a scope")
	}
}
