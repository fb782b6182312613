package profile

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Bounds of what was reached.
const (
	maxReached = 32 // addresses: each is dialled for ever at the next start
	maxAddress = 320
)

// reachedMark is an address in known.json.
type reachedMark struct {
	Addr string `json:"addr"` // as it was named, with its scheme
	Last int64  `json:"last"` // ms since 1970
}

// Reach remembers an address that the user named and that was reached, for the next start. The one that
// was reached longest ago makes room. It doesn't wait for the disk.
func (k *Known) RememberAddress(addr string) {
	if addr == "" || len(addr) > maxAddress {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reached[addr] = time.Now().UnixMilli()
	for len(k.reached) > maxReached {
		delete(k.reached, k.latest()[len(k.reached)-1])
	}
	k.touch()
}

// Forget forgets an address.
func (k *Known) ForgetAddress(addr string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.reached[addr]; known {
		delete(k.reached, addr)
		k.touch()
	}
}

// Reached are the addresses that were reached, the latest first.
func (k *Known) Addresses() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.latest()
}

// latest is Reached. Called with mu held.
func (k *Known) latest() []string {
	return slices.SortedFunc(maps.Keys(k.reached), func(a, b string) int {
		return cmp.Or(-cmp.Compare(k.reached[a], k.reached[b]), cmp.Compare(a, b))
	})
}
