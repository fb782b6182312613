package node

import (
	"net/netip"
	"testing"
)

// A peer's word leads to addresses within its own reach only.
func TestHintsStayInTheirScope(t *testing.T) {
	for _, tc := range []struct {
		from, addr string
		want       bool
	}{
		{"10.0.0.1", "10.0.0.2", true},
		{"10.0.0.1", "192.168.7.2", true},
		{"10.0.0.1", "127.0.0.1", false},
		{"10.0.0.1", "::1", false},
		{"10.0.0.1", "::ffff:127.0.0.1", false},
		{"10.0.0.1", "169.254.1.1", false},
		{"10.0.0.1", "fe80::1", false},
		{"10.0.0.1", "203.0.113.5", true},
		{"10.0.0.1", "0.0.0.0", false},
		{"10.0.0.1", "224.0.0.1", false},
		{"10.0.0.1", "255.255.255.255", false},
		{"203.0.113.5", "10.0.0.2", false},
		{"203.0.113.5", "fd00::2", false},
		{"203.0.113.5", "2001:db8::2", true},
		{"fd00::1", "10.0.0.2", true},
		{"fe80::1%eth0", "fe80::2", true},
		{"fe80::1%eth0", "10.0.0.2", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"::1", "127.0.0.1", true},
		{"127.0.0.1", "10.0.0.2", false},
	} {
		if got := mayHint(netip.MustParseAddr(tc.from), netip.MustParseAddr(tc.addr)); got != tc.want {
			t.Errorf("a hint from %s to %s: %v, want %v", tc.from, tc.addr, got, tc.want)
		}
	}
}
