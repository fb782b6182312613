package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// Errors of the seed's forms. None of them ends a connection, since the next object may be valid.
var (
	ErrSeedForm      = errors.New("object is none of the seed's forms")
	ErrSeedSignature = errors.New("signature is not the signer's")
)

// SeedMessage is what the seed's programs send in cleartext over TCP: SeedChat, SignedChat,
// IdentityAnnouncement, Upgrade, Exit, Heartbeat, Discovery or Unknown.
type SeedMessage interface{ seedTag() string }

// Octets are raw bytes that the seed writes as an array of numbers. null, an absent field and an
// empty array are all nil.
type Octets []byte

// MarshalJSON returns an array of numbers, or null if there are none. encoding/json writes a []uint8 as base64.
func (o Octets) MarshalJSON() ([]byte, error) {
	var numbers []uint16
	for _, b := range o {
		numbers = append(numbers, uint16(b))
	}
	return json.Marshal(numbers)
}

// UnmarshalJSON reads an array of numbers from 0 to 255, or null.
func (o *Octets) UnmarshalJSON(text []byte) error {
	// encoding/json reads a []byte, which is a []uint8, from base64 only.
	var numbers []uint16
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	*o = nil
	for _, n := range numbers {
		if n > 255 {
			return fmt.Errorf("%d is not a byte", n)
		}
		*o = append(*o, byte(n))
	}
	return nil
}

// Seconds is the seed's time, in seconds since 1970. A number that doesn't fit becomes 0, because a
// message is shown whatever its time.
type Seconds uint64

// UnmarshalJSON accepts any JSON value.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		n = 0
	}
	*s = Seconds(n)
	return nil
}

// SeedChat is a message of the seed's programs. Signature and PublicKey are nil if it is unsigned.
type SeedChat struct {
	FromID    string  `json:"from_id"`
	FromName  string  `json:"from_name"`
	Content   string  `json:"content"`
	Timestamp Seconds `json:"timestamp"`
	Signature Octets  `json:"signature,omitempty"`
	PublicKey Octets  `json:"public_key,omitempty"`
}

// Signed reports whether the message claims a signature. A key or a signature alone is a claim too.
func (c SeedChat) Signed() bool { return c.Signature != nil || c.PublicKey != nil }

// Verify checks the signature that the message claims.
func (c SeedChat) Verify() error {
	return verifySeed(c.Content, c.Timestamp, c.Signature, c.PublicKey)
}

// SignedChat is a message of the seed program that signs.
type SignedChat struct {
	Message    string  `json:"message"`
	Signature  Octets  `json:"signature"`
	PublicKey  Octets  `json:"public_key"`
	SignerID   string  `json:"signer_id"`
	SignerName string  `json:"signer_name"`
	Timestamp  Seconds `json:"timestamp"`
}

// Verify checks the signature.
func (c SignedChat) Verify() error {
	return verifySeed(c.Message, c.Timestamp, c.Signature, c.PublicKey)
}

// SeedSignedBytes returns the bytes that the seed signs: message ‖ ":" ‖ timestamp in decimal. They cover
// neither the name nor the id beside them.
func SeedSignedBytes(message string, timestamp Seconds) []byte {
	return strconv.AppendUint(append([]byte(message), ':'), uint64(timestamp), 10)
}

// verifySeed checks an Ed25519 signature over SeedSignedBytes. It refuses small-order keys, under
// which anyone can sign.
func verifySeed(message string, timestamp Seconds, signature, public Octets) error {
	key, err := identity.KeyFromBytes(public)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSeedSignature, err)
	}
	if len(signature) != ed25519.SignatureSize ||
		!ed25519.Verify(key.Bytes(), SeedSignedBytes(message, timestamp), signature) {
		return ErrSeedSignature
	}
	return nil
}

// IdentityAnnouncement claims a key for an id. Nothing proves the claim, so it changes nothing here.
type IdentityAnnouncement struct {
	PeerID    string `json:"peer_id"`
	Name      string `json:"name"`
	PublicKey Octets `json:"public_key"`
}

// Upgrade is an UpgradeRequest, UpgradeVote or PartialSignature of the newest seed program, as Tag says.
// We can't check its votes, and they count in none of ours.
type Upgrade struct{ Tag string }

// Exit is the id of a peer that leaves.
type Exit string

func (SeedChat) seedTag() string             { return "Chat" }
func (SignedChat) seedTag() string           { return "SignedChat" }
func (IdentityAnnouncement) seedTag() string { return "IdentityAnnouncement" }
func (u Upgrade) seedTag() string            { return u.Tag }
func (Exit) seedTag() string                 { return "Exit" }
func (Heartbeat) seedTag() string            { return "Heartbeat" }
func (Discovery) seedTag() string            { return "Discovery" }
func (u Unknown) seedTag() string            { return u.Tag }

// DecodeSeed reads one object that ObjectReader found. For an unknown tag it returns Unknown and no error.
// The result holds no reference to object.
func DecodeSeed(object []byte) (SeedMessage, error) {
	if !utf8.Valid(object) {
		return nil, fmt.Errorf("%w: %w", ErrSeedForm, ErrUTF8)
	}
	tag, content, err := split(object)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSeedForm, err)
	}
	if bytes.Equal(bytes.TrimSpace(content), []byte("null")) {
		return nil, fmt.Errorf("%w: %.32s is null", ErrSeedForm, tag)
	}
	switch tag {
	case "Chat":
		return decodeSeed[SeedChat](tag, content)
	case "SignedChat":
		return decodeSeed[SignedChat](tag, content)
	case "IdentityAnnouncement":
		return decodeSeed[IdentityAnnouncement](tag, content)
	case "Exit":
		return decodeSeed[Exit](tag, content)
	case "Heartbeat":
		return decodeSeed[Heartbeat](tag, content)
	case "Discovery":
		// As in a datagram, but of any length: odd values in our own fields don't hide the seed's.
		b, err := decodeBeacon(object)
		if err != nil || b.Discovery == nil {
			return nil, fmt.Errorf("%w: Discovery: %w", ErrSeedForm, err)
		}
		return *b.Discovery, nil
	}
	if !json.Valid(content) {
		return nil, fmt.Errorf("%w: %.32s", ErrSeedForm, tag)
	}
	switch tag {
	case "UpgradeRequest", "UpgradeVote", "PartialSignature":
		return Upgrade{Tag: tag}, nil
	}
	return Unknown{Tag: tag}, nil
}

func decodeSeed[T SeedMessage](tag string, content []byte) (SeedMessage, error) {
	var m T
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSeedForm, tag, err)
	}
	return m, nil
}

// EncodeSeed returns the object of m, without a newline, as the seed's programs write it.
func EncodeSeed(m SeedMessage) ([]byte, error) {
	switch m.(type) {
	case Unknown, Upgrade:
		return nil, fmt.Errorf("wire: encode %.64q: not a form that is sent", m.seedTag())
	}
	return appendTagged(nil, m.seedTag(), m)
}
