package profile

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Limits of the remembered addresses.
const (
	maxAddresses = 32 // every start dials each of them until it answers
	maxAddress   = 320
)

// addressEntry is an address in known.json.
type addressEntry struct {
	Addr string `json:"addr"` // as the user named it, with its scheme
	Last int64  `json:"last"` // ms since 1970
}

// RememberAddress keeps an address that the user named and that answered, for the next start. The
// address that answered longest ago makes room. RememberAddress doesn't wait for the disk.
func (k *Known) RememberAddress(addr string) {
	if addr == "" || len(addr) > maxAddress {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.addresses[addr] = time.Now().UnixMilli()
	for len(k.addresses) > maxAddresses {
		delete(k.addresses, k.addressesLocked()[len(k.addresses)-1])
	}
	k.markDirtyLocked()
}

// ForgetAddress removes an address.
func (k *Known) ForgetAddress(addr string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.addresses[addr]; known {
		delete(k.addresses, addr)
		k.markDirtyLocked()
	}
}

// Addresses returns the remembered addresses, the latest first.
func (k *Known) Addresses() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.addressesLocked()
}

func (k *Known) addressesLocked() []string {
	return slices.SortedFunc(maps.Keys(k.addresses), func(a, b string) int {
		return cmp.Or(-cmp.Compare(k.addresses[a], k.addresses[b]), cmp.Compare(a, b))
	})
}
