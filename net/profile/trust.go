package profile

import (
	"fmt"
	"maps"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
)

// trust is what the user said of a key with /trust.
type trust struct {
	on    bool
	since int64 // ms since 1970
}

// SetTrusted says that the user trusts a key, or does so no more, and saves it before it returns. It holds for this
// run even if it can't be saved; the error then says so.
func (k *Known) SetTrusted(key identity.Key, on bool) error {
	if key.IsZero() {
		return fmt.Errorf("profile: without a key there is no one to trust")
	}
	k.mu.Lock()
	if was, there := k.trusted[key]; !there && len(k.trusted) >= maxKnown {
		k.mu.Unlock()
		return fmt.Errorf("profile: %d are marked already: take some marks away first", maxKnown)
	} else if !there || was.on != on {
		k.trusted[key] = trust{on, time.Now().UnixMilli()}
		k.markDirtyLocked()
	}
	k.mu.Unlock()
	return k.save()
}

// Mark returns what the user said of a key: what /trust said comes before /verify, and /ignore before both.
func (k *Known) Mark(key identity.Key) standing.Mark {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ignored := k.ignored[key.ID().String()]
	_, verified := k.verified[key]
	said, spoken := k.trusted[key]
	switch {
	case ignored, spoken && !said.on:
		return standing.Distrusted
	case spoken, verified:
		return standing.Trusted
	}
	return standing.Unmarked
}

// Links returns how long keys were linked in earlier runs.
func (k *Known) Links() map[identity.Key]standing.Links {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.links)
}

// RememberLinks replaces what Links returns. It doesn't wait for the disk. The caller changes links no more.
func (k *Known) RememberLinks(links map[identity.Key]standing.Links) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.links = links
	k.markDirtyLocked()
}
