// Package identity holds the identity of a participant: an Ed25519 key pair, one for each profile.
//
// A peer is its public key (Key); names are labels. The private half never leaves this package: an
// Identity signs. Every signature carries a domain prefix, so that nothing signed for one purpose can
// be shown as another. The forms of the seed's protocol have no domain, so a separate key signs them,
// derived from the identity's seed. Package crypto/record, rules 4 and 5, says which signatures and
// keys count.
package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Domain separates the purposes of signatures. It is the first part of every signed message and
// ends in its only zero byte, so that no domain is a prefix of another.
type Domain string

// DomainRecord is the domain of records (package crypto/record, rule 4).
const DomainRecord Domain = "p2pchat/1/record\x00"

// Identity is a key pair. It is immutable and safe for concurrent use. No way of printing it shows
// the private half.
type Identity struct {
	public Key
	// A function, because fmt prints its address only. A pointer it does follow, for a verb that
	// doesn't fit, and Format isn't called on an Identity in an unexported field.
	secret func() *secrets
}

type secrets struct {
	identity ed25519.PrivateKey
	seed     ed25519.PrivateKey // derived: signs the seed's forms and nothing else
}

// New makes a random identity.
func New() *Identity {
	var seed [ed25519.SeedSize]byte
	rand.Read(seed[:]) // never fails (crypto/rand)
	return FromSeed(seed)
}

// FromSeed makes the identity of a 32-byte Ed25519 seed (RFC 8032 §5.1.5).
func FromSeed(seed [ed25519.SeedSize]byte) *Identity {
	private := ed25519.NewKeyFromSeed(seed[:])
	public, err := KeyFromBytes(private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // no seed gives a small-order key: the scalar is clamped
	}
	derived, err := hkdf.Key(sha256.New, seed[:], nil, "p2pchat/1/seed-forms", ed25519.SeedSize)
	if err != nil {
		panic(err) // only a length over 255 hashes would fail
	}
	s := &secrets{identity: private, seed: ed25519.NewKeyFromSeed(derived)}
	return &Identity{public: public, secret: func() *secrets { return s }}
}

// Key returns the public key.
func (i *Identity) Key() Key { return i.public }

// Sign signs domain ‖ message and returns the 64-byte signature (RFC 8032). It panics on a domain
// that doesn't end in its only zero byte, an error of the program.
func (i *Identity) Sign(domain Domain, message []byte) []byte {
	return ed25519.Sign(i.secret().identity, join(nil, domain, message))
}

// SignSeedForm signs a message of the seed's protocol, which has no room for a domain. It uses a
// key that is derived for nothing else, and returns that key's public half (32 bytes) too.
func (i *Identity) SignSeedForm(message []byte) (signature, public []byte) {
	return ed25519.Sign(i.secret().seed, message), i.secret().seed.Public().(ed25519.PublicKey)
}

// String returns the public key's short form.
func (i Identity) String() string { return "identity " + i.public.Short() }

// Format writes String whatever the verb: %d and %#v would otherwise walk through the fields.
func (i Identity) Format(f fmt.State, _ rune) { io.WriteString(f, i.String()) }

// Verify reports whether signature is k's over domain ‖ message. It is the standard library's
// verification, one signature at a time: batch verification accepts other malicious signatures.
func Verify(k Key, domain Domain, message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize {
		return false
	}
	buf := joinBuffers.Get().(*[]byte)
	defer joinBuffers.Put(buf)
	*buf = join((*buf)[:0], domain, message)
	return ed25519.Verify(k.b[:], *buf, signature)
}

// joinBuffers holds buffers for Verify, which needs one for each received record. A record's body has at most 32 KiB.
var joinBuffers = sync.Pool{New: func() any { return new([]byte) }}

// join appends domain ‖ message to out. It panics on a domain that doesn't end in its only zero byte.
func join(out []byte, d Domain, message []byte) []byte {
	if len(d) < 2 || strings.IndexByte(string(d), 0) != len(d)-1 {
		panic("identity: a domain ends in its only zero byte")
	}
	return append(append(slices.Grow(out, len(d)+len(message)), d...), message...)
}
