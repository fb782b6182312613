package standing

import (
	"net/netip"
	"testing"
)

func TestSourceOf(t *testing.T) {
	local := func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.9") }
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1", "fe80::2", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
		{"127.0.0.1", "127.8.9.1", true},
		{"127.0.0.1", "::1", true},
		{"127.0.0.1", "10.0.0.9", true},
		{"169.254.0.1", "169.254.0.2", false},
	} {
		a, b := SourceOf(netip.MustParseAddr(tc.a), local), SourceOf(netip.MustParseAddr(tc.b), local)
		if (a == b) != tc.same {
			t.Errorf("%s is %v and %s is %v", tc.a, a, tc.b, b)
		}
	}
	for addr, want := range map[string]string{
		"10.0.0.7": "10.0.0.7", "::ffff:10.0.0.7": "10.0.0.7", "2001:db8::1": "2001:db8::/64",
		"fe80::1%eth0": "fe80::1", "::1": "this machine", "10.0.0.9": "this machine",
	} {
		if got := SourceOf(netip.MustParseAddr(addr), local).String(); got != want {
			t.Errorf("%s is %q, want %q", addr, got, want)
		}
	}
	if got := SourceOf(netip.Addr{}, nil); got != (Source{}) || got.String() != "an unknown address" {
		t.Errorf("no address is %v", got)
	}
}

// All link-local addresses together share 16 sources, however many there are. Others share nothing.
func TestShared(t *testing.T) {
	shared := map[Source]bool{}
	for i := range 1000 {
		a := netip.MustParseAddr("fe80::1").As16()
		a[9], a[14] = byte(i), byte(i>>8)
		shared[SourceOf(netip.AddrFrom16(a), nil).Shared()] = true
	}
	if len(shared) != linkLocalSources {
		t.Errorf("1000 link-local addresses share %d sources", len(shared))
	}
	for _, addr := range []string{"10.0.0.7", "2001:db8::1", "127.0.0.1"} {
		if s := SourceOf(netip.MustParseAddr(addr), nil); s.Shared() != s {
			t.Errorf("%s shares %v", addr, s.Shared())
		}
	}
}
