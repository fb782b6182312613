package plain

import (
	"net/netip"
	"testing"
	"time"
)

// Addresses that failed a probe are bounded. When there are too many, others wait until the first may be probed again.
func TestProbedAddressesAreBounded(t *testing.T) {
	began := time.Now()
	at := func(port int) netip.AddrPort { return netip.AddrPortFrom(bobAddr.Addr(), uint16(port)) }
	for _, tc := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {probeEvery - 1, false}, {probeEvery, true}} {
		j := &jsonPeers{unlike: map[netip.AddrPort]time.Time{}}
		for port := range maxRemembered {
			j.unlike[at(port+1)] = began
		}
		if got := j.mayProbeLocked(at(maxRemembered+1), began.Add(tc.after)); got != tc.want {
			t.Errorf("another address, after %v: %v", tc.after, got)
		}
	}
}
