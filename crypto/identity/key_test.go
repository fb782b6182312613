package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The key of RFC 8032 §7.1, test 1.
const (
	rfcSeed   = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	rfcPublic = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
)

// The 14 encodings that Go accepts for a point of order 1, 2, 4 or 8. They are the 8 points, two of
// them with a meaningless sign bit too, and 0 and 1 written as p and p+1, with either sign.
var weakKeys = []struct {
	text string
	want error
}{
	{"0100000000000000000000000000000000000000000000000000000000000000", ErrSmallOrder},
	{"0100000000000000000000000000000000000000000000000000000000000080", ErrSmallOrder},
	{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", ErrSmallOrder},
	{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", ErrSmallOrder},
	{"0000000000000000000000000000000000000000000000000000000000000000", ErrSmallOrder},
	{"0000000000000000000000000000000000000000000000000000000000000080", ErrSmallOrder},
	{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", ErrSmallOrder},
	{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", ErrSmallOrder},
	{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", ErrSmallOrder},
	{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", ErrSmallOrder},
	{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", ErrKeyEncoding},
	{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", ErrKeyEncoding},
	{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", ErrKeyEncoding},
	{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", ErrKeyEncoding},
}

// Under each of these keys anyone can make a signature that the standard library accepts. S = 0 and
// the neutral point R verify for a message in eight (for all under the key of order 1). Every way
// to a Key refuses them.
func TestWeakKeysAreRefusedEverywhere(t *testing.T) {
	if len(weakKeys) != 14 {
		t.Fatalf("%d encodings, want 14", len(weakKeys))
	}
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	for _, k := range weakKeys {
		raw, err := hex.DecodeString(k.text)
		if err != nil {
			t.Fatal(err)
		}
		verified := false
		for i := 0; i < 1000 && !verified; i++ {
			verified = ed25519.Verify(raw, fmt.Append(nil, "pay mallory ", i), forged)
		}
		if !verified {
			t.Errorf("%s: no forgery verified: is it in this list by mistake?", k.text)
		}

		if _, err := KeyFromBytes(raw); !errors.Is(err, k.want) {
			t.Errorf("KeyFromBytes(%s): %v, want %v", k.text, err, k.want)
		}
		if _, err := ParseKey(k.text); !errors.Is(err, k.want) {
			t.Errorf("ParseKey(%s): %v, want %v", k.text, err, k.want)
		}
		var key Key
		if err := json.Unmarshal([]byte(`"`+k.text+`"`), &key); !errors.Is(err, k.want) {
			t.Errorf("Unmarshal(%s): %v, want %v", k.text, err, k.want)
		}
		certificate := &x509.Certificate{PublicKey: ed25519.PublicKey(raw)}
		if _, err := KeyFromCertificates([]*x509.Certificate{certificate}); !errors.Is(err, k.want) {
			t.Errorf("KeyFromCertificates(%s): %v, want %v", k.text, err, k.want)
		}
	}
}

// All 38 texts of a coordinate that is not below p are refused, and the greatest one below is not
// called non-canonical.
func TestNonCanonicalCoordinates(t *testing.T) {
	raw := bytes.Repeat([]byte{0xff}, 32)
	for low := 0xed; low <= 0xff; low++ {
		for _, high := range []byte{0x7f, 0xff} {
			raw[0], raw[31] = byte(low), high
			if _, err := KeyFromBytes(raw); !errors.Is(err, ErrKeyEncoding) {
				t.Errorf("%x: %v", raw, err)
			}
		}
	}
	raw[0], raw[31] = 0xeb, 0x7f
	if _, err := KeyFromBytes(raw); err != nil {
		t.Errorf("p-2: %v", err)
	}
}

func TestKeyText(t *testing.T) {
	k, err := ParseKey(rfcPublic)
	if err != nil {
		t.Fatal(err)
	}
	if k.String() != rfcPublic || k.Short() != "d75a" || k.IsZero() {
		t.Errorf("String %s, Short %s, IsZero %v", k, k.Short(), k.IsZero())
	}
	for _, bad := range []string{
		strings.ToUpper(rfcPublic), rfcPublic[:62], rfcPublic + "00", rfcPublic[:63] + "g", " " + rfcPublic, "",
	} {
		if _, err := ParseKey(bad); !errors.Is(err, ErrKeyLength) {
			t.Errorf("ParseKey(%q): %v", bad, err)
		}
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := KeyFromBytes(make([]byte, n)); !errors.Is(err, ErrKeyLength) {
			t.Errorf("KeyFromBytes of %d bytes: %v", n, err)
		}
	}
	text, err := json.Marshal(map[Key]Key{k: {}})
	if err != nil || string(text) != `{"`+rfcPublic+`":""}` {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	var back map[Key]Key
	if err := json.Unmarshal(text, &back); err != nil || !back[k].IsZero() || len(back) != 1 {
		t.Errorf("back from JSON: %v, %v", back, err)
	}
	k.Bytes()[0] = 0
	if k.String() != rfcPublic {
		t.Error("Bytes is not a copy")
	}
}

// The expected values were computed with another implementation (Python's hashlib).
func TestVectors(t *testing.T) {
	k, err := ParseKey(rfcPublic)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := k.Fingerprint(), "mom-tragic-harbor-light-crunch-history"; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	id := k.ID()
	if got, want := id.String(), "21fe31df-a154-8261-a26b-f854046fd227"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	if id.Version() != 8 || id.Variant().String() != "RFC4122" {
		t.Errorf("id is of version %d, variant %s", id.Version(), id.Variant())
	}
}

func TestWordList(t *testing.T) {
	list := words()
	if len(list) != 2048 {
		t.Fatalf("%d words, want 2048", len(list))
	}
	seen := map[string]string{}
	for _, w := range list {
		if w != strings.ToLower(w) || strings.Contains(w, "-") {
			t.Errorf("%q is not a plain lower-case word", w)
		}
		prefix := w[:min(4, len(w))]
		if other, twice := seen[prefix]; twice {
			t.Errorf("%q and %q begin alike", w, other)
		}
		seen[prefix] = w
	}
	// The list may never change: fingerprints that people wrote down depend on it.
	const bip39 = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	if sum := sha256.Sum256([]byte(wordList)); hex.EncodeToString(sum[:]) != bip39 {
		t.Errorf("the word list is not BIP-39's: %x", sum)
	}
}

// A list of links has a key for each link, so reading and writing a key takes no memory of its own.
func TestKeyTextAllocatesNothing(t *testing.T) {
	text, room := []byte(FromSeed([32]byte{7}).Key().String()), make([]byte, 0, 64)
	var key Key
	if n := testing.AllocsPerRun(100, func() {
		if err := key.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		if _, err := key.AppendText(room); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
