package profile

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"chat.lan/p2pchat/crypto/identity"

	"golang.org/x/text/unicode/norm"
)

// maxKnown bounds names, verified keys and ignored ids, each: whoever can reach the port can come
// under a new name every second.
const maxKnown = 4096

// saveDelay is how long a name just met waits for others before all are written together.
const saveDelay = 500 * time.Millisecond

// Known is what a profile remembers of others: the first key seen under each name, whose fingerprints
// were compared, whom not to show, where somebody was reached. It implements net/node's interface of
// that name; all methods may be called concurrently.
type Known struct {
	dir     string
	changed chan struct{} // capacity 1: something waits to be written

	saving sync.Mutex // held while the file is written; taken before mu

	mu       sync.Mutex
	dirty    bool                   // guarded by mu
	names    map[string]met         // guarded by mu; by folded name
	verified map[identity.Key]int64 // guarded by mu; ms since 1970
	ignored  map[string]int64       // guarded by mu; uuid → ms since 1970
	reached  map[string]int64       // guarded by mu; address → ms since 1970
}

// met is the first key seen under a name.
type met struct {
	key  identity.Key
	last int64 // ms since 1970, whole days: when it was seen last
}

func newKnown(dir string) *Known {
	return &Known{
		dir:      dir,
		changed:  make(chan struct{}, 1),
		names:    make(map[string]met),
		verified: make(map[identity.Key]int64),
		ignored:  make(map[string]int64),
		reached:  make(map[string]int64),
	}
}

// Run writes what Seen remembers, some time after it changed, until ctx ends. One goroutine runs it.
// What it had no time for, Profile.Close writes.
func (k *Known) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(saveDelay):
		}
		// A full disk must not end the chat. The change stays dirty, so the next one, or Close,
		// writes it, and Close says what is wrong.
		_ = k.save()
	}
}

// Seen remembers the first key seen under a name. When an earlier, different key is known under it
// and this one was never verified, it returns that key and true: a new person, to be said loudly.
// Names are compared without case, format characters and outer space, so that no look-alike of that
// kind passes for somebody else. It doesn't wait for the disk.
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
			delete(k.names, k.oldest())
		}
		first = met{key: key}
	}
	if first.key == key && first.last != today {
		first.last = today
		k.names[folded] = first
		k.touch()
	}
	if _, compared := k.verified[key]; first.key != key && !compared {
		return first.key, true
	}
	return identity.Key{}, false
}

// oldest is the name seen longest ago, of those whose key isn't verified if there are such; of
// equals the first in the alphabet. Called with mu held.
func (k *Known) oldest() string {
	worse := func(a, b string) bool { // a goes before b
		_, av := k.verified[k.names[a].key]
		_, bv := k.verified[k.names[b].key]
		if av != bv {
			return bv
		}
		if la, lb := k.names[a].last, k.names[b].last; la != lb {
			return la < lb
		}
		return a < b
	}
	var out string
	first := true
	for name := range k.names {
		if first || worse(name, out) {
			out, first = name, false
		}
	}
	return out
}

// touch says that there is something to write. Called with mu held.
func (k *Known) touch() {
	k.dirty = true
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// Verified reports whether the key's fingerprint was compared.
func (k *Known) Verified(key identity.Key) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.verified[key]
	return ok
}

// SetVerified marks a key as compared, or takes the mark away, and writes it to disk before it
// returns. The mark holds for this run even if it can't be written; the error then says so.
func (k *Known) SetVerified(key identity.Key, on bool) error {
	if key.IsZero() {
		return fmt.Errorf("profile: without a key there is nothing to verify")
	}
	return set(k, k.verified, key, on)
}

// Ignored reports whether the lines of the peer with this uuid are not to be shown.
func (k *Known) Ignored(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.ignored[id]
	return ok
}

// SetIgnored marks a peer as ignored, or takes the mark away, as SetVerified does.
func (k *Known) SetIgnored(id string, on bool) error {
	if len(id) == 0 || len(id) > 64 {
		return fmt.Errorf("profile: %.80q is not an id", id)
	}
	return set(k, k.ignored, id, on)
}

// set puts a mark into, or takes it from, one of k's maps, and saves.
func set[K comparable](k *Known, marks map[K]int64, key K, on bool) error {
	k.mu.Lock()
	_, was := marks[key]
	switch {
	case was == on:
		k.mu.Unlock()
		return k.save() // it may have failed the first time
	case on && len(marks) >= maxKnown:
		k.mu.Unlock()
		return fmt.Errorf("profile: %d are marked already: take some marks away first", maxKnown)
	case on:
		marks[key] = time.Now().UnixMilli()
	default:
		delete(marks, key)
	}
	k.touch()
	k.mu.Unlock()
	return k.save()
}

// fold is the form in which names are compared.
func fold(name string) string {
	name = norm.NFKC.String(strings.ToValidUTF8(cut(name, 4*MaxName), "\uFFFD"))
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	return strings.Join(strings.Fields(name), " ")
}
