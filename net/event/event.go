// Package event holds what travels upward from a running node to the screen, line mode and JSON mode: plain structs
// without locks, whose few methods only read them. These modes know the network only through this package.
//
// Strings that others wrote (names, texts, reasons) are raw here. Line mode must print them safe and JSON mode
// exact, so the reader sanitizes them (see package sanitize). Events leave a node through one Queue.
package event

import (
	"net/netip"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// Event is one of the structs of this package that embed a Scope. They are values: a receiver may keep them.
type Event interface {
	// InRoom returns the room that the event belongs to, "" for one of the whole process.
	InRoom() RoomID
	event()
}

// RoomID names a room in events: the hex digits of its id, as they are on the wire.
type RoomID string

// Scope is embedded in each event and says which room it belongs to. The zero Scope is the process.
type Scope struct{ Room RoomID }

// InRoom implements Event.
func (s Scope) InRoom() RoomID { return s.Room }

func (Scope) event() {}

// Kind says how a peer speaks.
type Kind string

// The kinds of peers.
const (
	KindNative Kind = "native" // this program: signed, encrypted
	KindJSON   Kind = "json"   // the seed's JSON protocol, in clear
	KindLine   Kind = "line"   // newline text, in clear
)

// State says whether a peer is there.
type State string

// The states of a peer. The words are those of JSON mode.
const (
	Up   State = "up"
	Late State = "late" // nothing heard for 10 s; 30 s from a JSON peer
	Lost State = "lost" // nothing for 15 s (JSON peer: 60 s), or the connection broke
	Left State = "left" // said goodbye; follows its last message
	// Relayed is a native peer that is here, but not linked to us: messages go through others.
	Relayed State = "relayed"
)

// Peer is a participant other than the local one, as far as it is known.
type Peer struct {
	ID       string       // the seed protocol's uuid: of the key for native peers
	Key      identity.Key // zero for plain peers
	Name     string       // raw
	Kind     Kind
	State    State
	Addr     netip.AddrPort // where it can be dialled, else where it came from; zero when unknown
	RTT      time.Duration  // 0: not measured yet
	Since    time.Time      // when it came up
	Changed  time.Time      // when State became what it is
	In, Out  int64          // bytes on its links, in this run
	Verified bool           // its fingerprint was compared (/verify)
	Ignored  bool           // its lines are not shown (/ignore)
	HeldBack bool           // in clear under a verified person's name: it gets /unsigned messages only
	Standing Standing       // "" for plain peers
	Agent    string         // its program and version, raw
}

// Standing says who goes first where a limit is reached (see package standing).
type Standing string

// The standings, the first one first.
const (
	Known Standing = "known"
	Met   Standing = "met"
	Heard Standing = "heard"
)

// Encrypted reports whether messages to the peer are encrypted.
func (p Peer) Encrypted() bool { return p.Kind == KindNative }

// Present reports whether the peer is here: up, late or relayed.
func (p Peer) Present() bool { return p.State == Up || p.State == Late || p.State == Relayed }

// PeerChanged says that a peer came, went, or is called or reached otherwise. It carries all of it.
type PeerChanged struct {
	Scope
	Peer Peer
	// Renamed is the name before when this event is a change of name, else "".
	Renamed string
}

// PeerStats carries the numbers of a peer, which change all the time.
type PeerStats struct {
	Scope
	Peer Peer
}

// LatestKey names the peer.
func (s PeerStats) LatestKey() string { return "stats/" + s.Peer.ID }

// Signature says how sure the author of a message is.
type Signature string

// What a message's signature is worth. The words are those of JSON mode.
const (
	Verified   Signature = "verified"    // a record, signature checked
	Unsigned   Signature = "unsigned"    // anyone may have written it
	SeedSigned Signature = "seed-signed" // the seed's signature: covers neither name nor room
)

// Place is where a signed message stands among others (see package record, order).
type Place struct {
	Ms, N  int64 // hybrid logical clock
	Author identity.Key
	Feed   uint64
	Seq    uint64
}

// Line is a message in the room, from others or from the local peer.
type Line struct {
	ID        string       // record id, 64 hex digits; for cleartext a local one
	From      identity.Key // zero for plain peers
	FromID    string       // uuid
	FromName  string       // raw; the author's name at that time
	Text      string       // raw
	Me        bool         // third person: "* alice waves"
	Own       bool
	Time      time.Time // by the author's clock
	Arrived   time.Time // by ours
	Signature Signature
	Kind      Kind   // how its author speaks
	History   bool   // came by catching up
	Place     Place  // zero for cleartext
	Via       string // uuid of the peer that handed it on; "": its author sent it
	Body      string // exact signed bytes; "" for cleartext
	Sig       []byte // 64 bytes; nil for cleartext
}

// Said is a message from someone else.
type Said struct {
	Scope
	Line Line
}

// Sent is a message from the local peer, once it is signed and on its way to Peers peers.
type Sent struct {
	Scope
	Line  Line
	Peers int
}

// Delivered counts the peers that acknowledged a message from the local peer. The newest counts.
type Delivered struct {
	Scope
	ID        string // the newest message that this holds for; older ones of this run have at least as many
	Peers, Of int
	NotKept   int // peers of the others that don't keep it: it is from someone they don't know, and their room is full
}

// LatestKey coalesces acknowledgements of one message.
func (d Delivered) LatestKey() string { return "delivered/" + string(d.Room) + d.ID }

// Typing says that a person is typing or has stopped.
type Typing struct {
	Scope
	Peer Peer
	On   bool
}

// LatestKey names the peer.
func (t Typing) LatestKey() string { return "typing/" + string(t.Room) + t.Peer.ID }

// Refused counts what was dropped, by sender and reason.
type Refused struct {
	Scope
	From   string // name or address, raw
	Reason string
	Count  int // so far, for this From and Reason
}

// LatestKey names sender and reason.
func (r Refused) LatestKey() string { return "refused/" + string(r.Room) + r.From + "\x00" + r.Reason }

// Flood says that people send more than the others can take, so that the messages of everyone else go first.
type Flood struct {
	Scope
	Name   string // raw; the name of the author that sends most
	Others int    // how many more do
}

// Unknown says that there are records of a person that this version can't show. It comes once for each kind.
type Unknown struct {
	Scope
	From     identity.Key
	FromID   string
	FromName string // raw
	Kind     string // "" if only their places are known
	First    bool   // of this person
}

// Sync says how catching up goes: the room's records that are here, and those known to be missing.
type Sync struct {
	Scope
	Have, Missing int
}

// LatestKey names the room.
func (s Sync) LatestKey() string { return "sync/" + string(s.Room) }

// Saving says how saving the room goes. The zero Saving means that all is well.
type Saving struct {
	Scope
	NotSaved   string // why nothing is being saved at present, raw; "" when it is
	Waiting    int    // records that were not on disk yet at that moment
	Dropped    int    // records that will not be saved: NotSaved lasted longer than memory
	Unreadable int    // records that were found damaged on disk; they are asked for again
	Aside      string // where a damaged file was put, raw; "" when there was none
	Recovered  int    // records taken over from it
}

// LatestKey names the room.
func (s Saving) LatestKey() string { return "saving/" + string(s.Room) }

// Reach says which peers have a message from the local peer, of those it is for.
type Reach struct {
	Line       Line
	Has, Lacks []Peer
}

// Level says how much a notice matters.
type Level string

// The levels of notices.
const (
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
	Alarm   Level = "alarm" // somebody may be deceiving the person: as loud as it gets
)

// Notice is one sentence for the person, with the next step.
type Notice struct {
	Scope
	Level Level
	Text  string // cause; may contain names and addresses, raw
	Hint  string // what to do next, or ""
}

// Ready says that the node listens. It is the first event.
type Ready struct {
	Scope
	Self Self
}

// Self is the local peer: its identity and where it listens.
type Self struct {
	ID          string
	Key         identity.Key
	Name        string
	Room        string // its name
	Port        int    // listening
	Fingerprint string // six words
	Profile     string // folder, "" when nothing is kept
	Started     time.Time
}

// SelfChanged says that the local name or port has changed.
type SelfChanged struct {
	Scope
	Self Self
}

// Interface is one network interface as discovery sees it.
type Interface struct {
	Name    string
	Addr    netip.Addr
	Skipped string // why it is not used, or ""
	Error   string // a fault of it, or ""
	Sent    int    // beacons
	Heard   int    // beacons of others
}

// Network says where peers are looked for and what is in the way.
type Network struct {
	Scope
	Interfaces []Interface
	Looking    bool      // discovery runs
	Since      time.Time // looking since
	Trouble    string    // likely cause when no one is found, or ""
	Hint       string    // exact next step for Trouble
	Found      []Notice  // all that is in the way, the most telling first
	Firewall   []Notice  // for each port that has to be let in: what for, and the exact command
}

// LatestKey lets the newest replace all others.
func (Network) LatestKey() string { return "network" }

// Status answers /status.
type Status struct {
	Self      Self
	Up        time.Duration
	Peers     int // native peers up
	Plain     int // plain peers up
	Links     int
	Records   int // held of the room
	Received  int // records that came from peers in this run, those that were here already too
	In, Out   int64
	Dropped   map[string]int // counted bad input, by reason
	Network   Network
	Discovery bool
	Saving    Saving
	Size      RoomSize
}
