package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// MaxBeacon is the greatest datagram that peers send or accept, in bytes. It fits every network's MTU.
const MaxBeacon = 1200

// ErrBeacon is returned for a datagram that isn't one of the forms of Beacon.
var ErrBeacon = errors.New("datagram is not a beacon")

// Discovery is the seed's announcement. The seed's programs know the first four fields only. Nothing in
// it is authenticated: it may cause a dial, never more.
type Discovery struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	IP   string `json:"ip"` // the sending socket's own address
	Port uint16 `json:"port"`

	V       int           `json:"v,omitempty"`
	Started int64         `json:"started,omitempty"`
	Inst    string        `json:"inst,omitempty"`
	Key     *identity.Key `json:"key,omitempty"`
	Rooms   []string      `json:"rooms,omitempty"`
}

// Native reports whether the sender claims to speak this package's protocol.
func (d *Discovery) Native() bool { return d.V >= 1 && d.Key != nil && !d.Key.IsZero() }

// Beacon is one datagram: exactly one of its fields is set.
type Beacon struct {
	Discovery *Discovery // the sender is here
	Heartbeat string     // the seed's: the uuid of a peer that is still here
	Goodbye   *Discovery // the sender leaves; it never ends a live link
}

// Encode returns the datagram.
func (b Beacon) Encode() ([]byte, error) {
	tag, content := "Heartbeat", any(b.Heartbeat)
	switch {
	case b.Discovery != nil:
		tag, content = "Discovery", b.Discovery
	case b.Goodbye != nil:
		tag, content = "Goodbye", b.Goodbye
	}
	datagram, err := appendTagged(nil, tag, content)
	if err != nil {
		return nil, err
	}
	if len(datagram) > MaxBeacon {
		return nil, fmt.Errorf("wire: beacon of %d bytes is over %d", len(datagram), MaxBeacon)
	}
	return datagram, nil
}

// DecodeBeacon reads a datagram. It ignores unknown fields, and returns ErrBeacon for an unknown tag.
func DecodeBeacon(datagram []byte) (Beacon, error) {
	if len(datagram) > MaxBeacon {
		return Beacon{}, fmt.Errorf("%w: %d bytes", ErrBeacon, len(datagram))
	}
	if !utf8.Valid(datagram) {
		return Beacon{}, fmt.Errorf("%w: not UTF-8", ErrBeacon)
	}
	return decodeBeacon(datagram)
}

// decodeBeacon reads the object of a datagram or of a seed program's connection.
func decodeBeacon(datagram []byte) (Beacon, error) {
	var form struct {
		Discovery *Discovery
		Heartbeat *string
		Goodbye   *Discovery
	}
	err := json.Unmarshal(datagram, &form)
	if err != nil && !errors.Is(err, identity.ErrSmallOrder) && !errors.Is(err, identity.ErrKeyEncoding) {
		// A program related to the seed may use one of our field names for another purpose. The seed's own
		// fields still count.
		if d, ok := decodeSeedFields(datagram); ok {
			return Beacon{Discovery: d}, nil
		}
	}
	if err != nil {
		return Beacon{}, fmt.Errorf("%w: %w", ErrBeacon, err)
	}
	switch {
	case form.Discovery != nil && form.Heartbeat == nil && form.Goodbye == nil:
		return Beacon{Discovery: form.Discovery}, nil
	case form.Goodbye != nil && form.Discovery == nil && form.Heartbeat == nil:
		return Beacon{Goodbye: form.Goodbye}, nil
	case form.Heartbeat != nil && form.Discovery == nil && form.Goodbye == nil:
		return Beacon{Heartbeat: *form.Heartbeat}, nil
	}
	return Beacon{}, fmt.Errorf("%w: no single known tag", ErrBeacon)
}

// decodeSeedFields reads the seed's four fields of a Discovery and ignores the others.
func decodeSeedFields(datagram []byte) (*Discovery, bool) {
	var form map[string]struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		IP   string `json:"ip"`
		Port uint16 `json:"port"`
	}
	if err := json.Unmarshal(datagram, &form); err != nil || len(form) != 1 {
		return nil, false
	}
	d, ok := form["Discovery"]
	return &Discovery{ID: d.ID, Name: d.Name, IP: d.IP, Port: d.Port}, ok
}
