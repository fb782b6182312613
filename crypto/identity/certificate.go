package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Errors of KeyFromCertificates.
var (
	ErrCertificateCount = errors.New("peer must send exactly one certificate")
	ErrCertificateKey   = errors.New("peer's certificate is not Ed25519")
)

// Certificate makes the self-signed certificate that carries the identity into TLS. Peers look at
// nothing in it but the key. TLS 1.3 signs with a prefix of its own (RFC 8446 §4.4.3) and a
// certificate's signed part begins with a DER sequence, so neither can pass as a record.
func (i *Identity) Certificate() (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "p2pchat"},
		// Clocks on these networks are wrong; no one checks these dates.
		NotBefore: time.Unix(0, 0),
		NotAfter:  time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.secret().identity.Public(), i.secret().identity)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("identity: make the certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: i.secret().identity}, nil
}

// KeyFromCertificates returns the identity behind a peer's certificates: exactly one, Ed25519, and
// a key that KeyFromBytes accepts. TLS itself has shown that the peer holds the private half.
func KeyFromCertificates(certificates []*x509.Certificate) (Key, error) {
	if len(certificates) != 1 {
		return Key{}, fmt.Errorf("%w, not %d", ErrCertificateCount, len(certificates))
	}
	public, ok := certificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return Key{}, ErrCertificateKey
	}
	return KeyFromBytes(public)
}
