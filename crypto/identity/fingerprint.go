package identity

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
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
	sum := sha256.Sum256(append([]byte("p2pchat/1/fp\x00"), k.b[:]...))
	chosen := make([]string, fingerprintWords)
	for i := range chosen {
		at := i * bitsPerWord // the word's first bit
		chosen[i] = words()[binary.BigEndian.Uint32(sum[at/8:])<<(at%8)>>(32-bitsPerWord)]
	}
	return strings.Join(chosen, "-")
}
