package identity

import (
	"crypto/sha256"
	_ "embed"
	"math/big"
	"strings"
	"sync"
)

// The English word list of BIP-39: 2,048 words. No two share their first four letters, so that they
// survive a bad telephone line.
//
//go:embed words.txt
var wordList string

var words = sync.OnceValue(func() []string { return strings.Fields(wordList) })

const (
	fingerprintWords = 6
	bitsPerWord      = 11
)

// Fingerprint returns six words for the key, joined by "-": the first 66 bits of
// SHA-256("p2pchat/1/fp\x00" ‖ key). Two people compare them to know that they have each other's
// key. A search for another key with the same words would take 2^66 tries.
func (k Key) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte("p2pchat/1/fp\x00"))
	h.Write(k.b[:])
	bits := new(big.Int).SetBytes(h.Sum(nil))
	bits.Rsh(bits, sha256.Size*8-fingerprintWords*bitsPerWord)
	chosen := make([]string, fingerprintWords)
	mask := big.NewInt(1<<bitsPerWord - 1)
	for i := fingerprintWords - 1; i >= 0; i-- {
		chosen[i] = words()[new(big.Int).And(bits, mask).Int64()]
		bits.Rsh(bits, bitsPerWord)
	}
	return strings.Join(chosen, "-")
}
