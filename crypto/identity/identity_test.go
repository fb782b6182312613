package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func rfcIdentity(tb testing.TB) *Identity {
	tb.Helper()
	seed, err := hex.DecodeString(rfcSeed)
	if err != nil {
		tb.Fatal(err)
	}
	return FromSeed([32]byte(seed))
}

func TestFromSeed(t *testing.T) {
	if got := rfcIdentity(t).Key().String(); got != rfcPublic {
		t.Errorf("public key %s, want %s (RFC 8032 §7.1)", got, rfcPublic)
	}
}

// A signature is good for its domain, its message and its key, and for no other.
func TestDomainsAreSeparate(t *testing.T) {
	alice := rfcIdentity(t)
	bob := New()
	const other Domain = "p2pchat/1/other\x00"
	message := []byte("hello")
	signature := alice.Sign(DomainRecord, message)
	if !Verify(alice.Key(), DomainRecord, message, signature) {
		t.Fatal("own signature doesn't verify")
	}
	for name, ok := range map[string]bool{
		"another domain":                Verify(alice.Key(), other, message, signature),
		"another message":               Verify(alice.Key(), DomainRecord, []byte("hellp"), signature),
		"another key":                   Verify(bob.Key(), DomainRecord, message, signature),
		"the zero key":                  Verify(Key{}, DomainRecord, message, signature),
		"no signature":                  Verify(alice.Key(), DomainRecord, message, nil),
		"a long signature":              Verify(alice.Key(), DomainRecord, message, append(bytes.Clone(signature), 0)),
		"a bare message":                ed25519.Verify(alice.Key().Bytes(), message, signature),
		"bytes that contain the domain": Verify(alice.Key(), other, append([]byte(DomainRecord), message...), signature),
	} {
		if ok {
			t.Errorf("verifies for %s", name)
		}
	}
	for _, bad := range []Domain{"", "\x00", "p2pchat", "a\x00b\x00"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("domain %q was signed under", bad)
				}
			}()
			alice.Sign(bad, message)
		}()
	}
}

// What stands in the seed's forms is signed with a key that signs nothing else.
func TestSeedFormsHaveTheirOwnKey(t *testing.T) {
	alice := rfcIdentity(t)
	message := append([]byte(DomainRecord), "hello"...) // would be a record if the keys were one
	signature, public := alice.SignSeedForm(message)
	if !ed25519.Verify(public, message, signature) {
		t.Error("a seed program would refuse the signature")
	}
	if bytes.Equal(public, alice.Key().Bytes()) || Verify(alice.Key(), DomainRecord, []byte("hello"), signature) {
		t.Error("the identity key signed a seed form")
	}
	// HKDF-SHA256 of the seed without salt, computed with another implementation (Python's hmac).
	seed, err := hex.DecodeString("6ca21d0932b15801743d7a70f1ad5378b9cb947ab35548bd01ea074f52805799")
	if err != nil {
		t.Fatal(err)
	}
	if want := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey); !bytes.Equal(public, want) {
		t.Errorf("derived key %x, want %x", public, want)
	}
}

// However an identity gets printed, alone or inside something, its private half is not in it.
func TestPrintingShowsNoSecret(t *testing.T) {
	alice := rfcIdentity(t)
	type holder struct {
		ID     *Identity
		Value  Identity
		hidden Identity
	}
	h := holder{alice, *alice, *alice}
	_ = h.hidden
	var out strings.Builder
	for _, v := range []any{alice, *alice, h, &h, []*Identity{alice}, []Identity{*alice}, map[string]Identity{"a": *alice}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "id", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "id", v)
	}
	for name, secret := range map[string][]byte{
		"identity": alice.secret().identity.Seed(), "seed forms": alice.secret().seed.Seed(),
	} {
		decimal := strings.Trim(fmt.Sprint(secret[:8]), "[]")
		octal := strings.Trim(fmt.Sprintf("%o", secret[:8]), "[]")
		golang := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret[:8]), "[]byte{"), "}")
		for form, text := range map[string]string{
			"hex": hex.EncodeToString(secret[:8]), "HEX": strings.ToUpper(hex.EncodeToString(secret[:8])),
			"base64": base64.StdEncoding.EncodeToString(secret)[:10], "decimal": decimal, "octal": octal,
			"Go": golang, "spaced": fmt.Sprintf("% x", secret[:8]), "raw": string(secret[:8]),
		} {
			if strings.Contains(out.String(), text) {
				t.Errorf("the %s secret is printed in %s", name, form)
			}
		}
	}
	if got, want := fmt.Sprintf("%v %#v %s", alice, alice, *alice), "identity d75a identity d75a identity d75a"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestCertificate(t *testing.T) {
	alice := rfcIdentity(t)
	made, err := alice.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := KeyFromCertificates([]*x509.Certificate{parsed})
	if err != nil || key != alice.Key() {
		t.Errorf("key %v, %v", key, err)
	}
	for n, certificates := range map[int][]*x509.Certificate{0: nil, 2: {parsed, parsed}} {
		if _, err := KeyFromCertificates(certificates); !errors.Is(err, ErrCertificateCount) {
			t.Errorf("%d certificates: %v", n, err)
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := KeyFromCertificates([]*x509.Certificate{{PublicKey: other.Public()}}); !errors.Is(err, ErrCertificateKey) {
		t.Errorf("an ECDSA certificate: %v", err)
	}
	// A certificate's signed bytes are no record's: they don't begin with its domain.
	if bytes.HasPrefix(parsed.RawTBSCertificate, []byte(DomainRecord)) {
		t.Error("the certificate's signature could be shown as a record's")
	}
}
