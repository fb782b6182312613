package hostile

import (
	"encoding/binary"
	"math/rand/v2"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Key returns the n-th identity that follows from a seed. Keys are free.
func Key(seed uint64, n int) *identity.Identity {
	var b [32]byte
	copy(b[:], "hostile")
	binary.BigEndian.PutUint64(b[16:], seed)
	binary.BigEndian.PutUint64(b[24:], uint64(n))
	return identity.FromSeed(b)
}

// inventedKey returns a key without an owner.
func inventedKey(rng *rand.Rand) identity.Key {
	for {
		var b [32]byte
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if k, err := identity.KeyFromBytes(b[:]); err == nil {
			return k
		}
	}
}

// anyFeed returns the number of a feed.
func anyFeed(rng *rand.Rand) record.Feed { return record.Feed(rng.Uint64() | 1) }
