package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// MaxBeacon is the greatest datagram that is sent or looked at, in bytes: it fits every link's MTU
// in one piece.
const MaxBeacon = 1200

// ErrBeacon is returned for a datagram that is none of the forms of discovery.
var ErrBeacon = errors.New("datagram is not a beacon")

// Discovery is the seed's announcement. The seed's programs send and read the first four fields;
// the rest is ours, absent in theirs and ignored by them. All of it is a hint from nobody in
// particular: it may cause a dial, never more (DESIGN.md §6).
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
	Discovery *Discovery // here I am
	Heartbeat string     // the seed's: a uuid that is still here
	Goodbye   *Discovery // I leave; it never touches a live link
}

// Encode makes the datagram.
func (b Beacon) Encode() ([]byte, error) {
	var form any
	switch {
	case b.Discovery != nil:
		form = struct{ Discovery *Discovery }{b.Discovery}
	case b.Goodbye != nil:
		form = struct{ Goodbye *Discovery }{b.Goodbye}
	default:
		form = struct{ Heartbeat string }{b.Heartbeat}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(form); err != nil {
		return nil, fmt.Errorf("wire: encode beacon: %w", err)
	}
	datagram := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if len(datagram) > MaxBeacon {
		return nil, fmt.Errorf("wire: beacon of %d bytes is over %d", len(datagram), MaxBeacon)
	}
	return datagram, nil
}

// DecodeBeacon reads a datagram. Unknown fields are ignored, unknown tags give ErrBeacon.
func DecodeBeacon(datagram []byte) (Beacon, error) {
	if len(datagram) > MaxBeacon {
		return Beacon{}, fmt.Errorf("%w: %d bytes", ErrBeacon, len(datagram))
	}
	if !utf8.Valid(datagram) {
		return Beacon{}, fmt.Errorf("%w: not UTF-8", ErrBeacon)
	}
	return decodeBeacon(datagram)
}

// decodeBeacon reads the object of a datagram, or of a seed program's connection.
func decodeBeacon(datagram []byte) (Beacon, error) {
	var form struct {
		Discovery *Discovery
		Heartbeat *string
		Goodbye   *Discovery
	}
	err := json.Unmarshal(datagram, &form)
	if err != nil && !errors.Is(err, identity.ErrSmallOrder) && !errors.Is(err, identity.ErrKeyEncoding) {
		// A seed program's relative may use the name of one of our fields for something else: what
		// the seed's own fields say still counts.
		if d, ok := seedDiscovery(datagram); ok {
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

// seedDiscovery reads the seed's four fields of a Discovery and leaves the others alone.
func seedDiscovery(datagram []byte) (*Discovery, bool) {
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
