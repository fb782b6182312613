package profile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/standing"
)

// Limits of what is remembered. A stranger that reaches the port can come under a new name every second.
const (
	maxKnown     = 4096 // names, verified keys, trusted keys, ignored ids and keys that were linked, each
	maxAddresses = 32   // every start dials each of them until it answers
	maxAddress   = 320  // bytes
)

// saveDelay is how long a new name waits for others, so that one write saves them together.
const saveDelay = 2 * time.Second

// Known is what a profile remembers of other people: the first key under each name, marked keys and peers, how long
// keys were linked, and addresses that answered. Methods may be called from any goroutine.
type Known struct {
	dir     string
	changed chan struct{} // capacity 1; signals that dirty is set

	saving sync.Mutex // held while the file is written; taken before mu

	mu        sync.Mutex
	dirty     bool
	names     names                           // guarded by mu
	verified  map[identity.Key]int64          // ms since 1970
	trusted   map[identity.Key]trust          // what /trust said last
	ignored   map[string]int64                // uuid → ms since 1970
	addresses map[string]int64                // address → ms since 1970
	links     map[identity.Key]standing.Links // see package standing
}

func newKnown(dir string) *Known {
	return &Known{
		dir:       dir,
		changed:   make(chan struct{}, 1),
		names:     newNames(),
		verified:  make(map[identity.Key]int64),
		trusted:   make(map[identity.Key]trust),
		links:     make(map[identity.Key]standing.Links),
		ignored:   make(map[string]int64),
		addresses: make(map[string]int64),
	}
}

// Run saves what NoteName remembers, saveDelay after the first change, until ctx ends. Only one
// goroutine may run it. Profile.Close saves the rest.
func (k *Known) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.changed:
		}
		if !group.Sleep(ctx, saveDelay, nil) {
			return
		}
		// A full disk must not end the chat. The change stays dirty, so the next save writes it,
		// and Close reports the error.
		_ = k.save()
	}
}

// markDirtyLocked wakes Run, which saves the change.
func (k *Known) markDirtyLocked() {
	k.dirty = true
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// Verified reports whether the user compared the key's fingerprint.
func (k *Known) Verified(key identity.Key) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.verified[key]
	return ok
}

// SetVerified marks a key as verified, or removes the mark, and saves it before it returns. The
// mark holds for this run even if it can't be saved; the error then says so.
func (k *Known) SetVerified(key identity.Key, on bool) error {
	if key.IsZero() {
		return fmt.Errorf("profile: without a key there is nothing to verify")
	}
	return setMark(k, k.verified, key, on)
}

// Ignored reports whether messages of the peer with this uuid are hidden.
func (k *Known) Ignored(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.ignored[id]
	return ok
}

// SetIgnored marks a peer as ignored, or removes the mark, as SetVerified does.
func (k *Known) SetIgnored(id string, on bool) error {
	if len(id) == 0 || len(id) > 64 {
		return fmt.Errorf("profile: %.80q is not an id", id)
	}
	return setMark(k, k.ignored, id, on)
}

// setMark sets or removes a mark in one of k's maps, and saves.
func setMark[K comparable](k *Known, marks map[K]int64, key K, on bool) error {
	k.mu.Lock()
	_, was := marks[key]
	switch {
	case was == on:
		k.mu.Unlock()
		return k.save() // the first save may have failed
	case on && len(marks) >= maxKnown:
		k.mu.Unlock()
		return fmt.Errorf("profile: %d are marked already: take some marks away first", maxKnown)
	case on:
		marks[key] = time.Now().UnixMilli()
	default:
		delete(marks, key)
	}
	k.markDirtyLocked()
	k.mu.Unlock()
	return k.save()
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
