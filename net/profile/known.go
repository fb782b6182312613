package profile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
)

// Limits of what is remembered. A stranger that reaches the port can come under a new name every second.
const (
	maxKnown     = 4096 // names, verified keys and ignored ids, each
	maxAddresses = 32   // every start dials each of them until it answers
	maxAddress   = 320  // bytes
)

// saveDelay is how long a new name waits for others, so that one write saves them together.
const saveDelay = 500 * time.Millisecond

// Known is what a profile remembers of other people: the first key under each name, verified keys,
// ignored peers, and the addresses that answered. Methods may be called from any goroutine.
type Known struct {
	dir     string
	changed chan struct{} // capacity 1; signals that dirty is set

	saving sync.Mutex // held while the file is written; taken before mu

	mu        sync.Mutex
	dirty     bool
	names     map[string]firstKey    // by folded name
	verified  map[identity.Key]int64 // ms since 1970
	ignored   map[string]int64       // uuid → ms since 1970
	addresses map[string]int64       // address → ms since 1970
}

// firstKey is the first key seen under a name.
type firstKey struct {
	key  identity.Key
	last int64 // ms since 1970, in whole days: when the key was last seen
}

func newKnown(dir string) *Known {
	return &Known{
		dir:       dir,
		changed:   make(chan struct{}, 1),
		names:     make(map[string]firstKey),
		verified:  make(map[identity.Key]int64),
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

// NoteName remembers the first key seen under a name. If an earlier, different key is known under
// the name, and this key was never verified, it returns that earlier key and true. The caller then
// warns of a new person. Names are compared without case, format characters and outer space, so
// that no look-alike of that kind passes for another person. NoteName doesn't wait for the disk.
func (k *Known) NoteName(name string, key identity.Key) (before identity.Key, known bool) {
	folded := fold(name)
	if folded == "" || key.IsZero() {
		return identity.Key{}, false
	}
	today := time.Now().Truncate(24 * time.Hour).UnixMilli()
	k.mu.Lock()
	defer k.mu.Unlock()
	first, ok := k.names[folded]
	if !ok {
		if len(k.names) >= maxKnown {
			delete(k.names, k.oldestNameLocked())
		}
		first = firstKey{key: key}
	}
	if first.key == key && first.last != today {
		first.last = today
		k.names[folded] = first
		k.markDirtyLocked()
	}
	if _, compared := k.verified[key]; first.key != key && !compared {
		return first.key, true
	}
	return identity.Key{}, false
}

// oldestNameLocked returns the name seen longest ago, names with a verified key last. Of equally
// old names it returns the first in the alphabet.
func (k *Known) oldestNameLocked() string {
	return slices.MinFunc(slices.Collect(maps.Keys(k.names)), func(a, b string) int {
		_, verified := k.verified[k.names[a].key]
		_, other := k.verified[k.names[b].key]
		switch {
		case verified && !other:
			return 1
		case other && !verified:
			return -1
		}
		return cmp.Or(cmp.Compare(k.names[a].last, k.names[b].last), cmp.Compare(a, b))
	})
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

// fold returns the form in which names are compared.
func fold(name string) string {
	name = norm.NFKC.String(strings.ToValidUTF8(cutName(name, 4*MaxName), "\uFFFD"))
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	return strings.Join(strings.Fields(name), " ")
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
