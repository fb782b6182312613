package wire

import (
	"encoding/hex"

	"chat.lan/p2pchat/crypto/identity"
)

// Hello is the first frame each way. It doesn't contain the key, which TLS has proven already.
type Hello struct {
	Versions []int    `json:"versions"` // protocol versions that the sender speaks
	ID       string   `json:"id"`       // the seed protocol's uuid of the key
	Name     string   `json:"name"`     // ≤ 64 bytes
	Started  int64    `json:"started"`  // ms since 1970 at this run's start
	Inst     string   `json:"inst"`     // random value of this run
	Caps     []string `json:"caps,omitempty"`
	Links    *int     `json:"links,omitempty"` // how many the sender has; nil: it doesn't say
	Near     []string `json:"near,omitempty"`  // NearKey of those that it reaches, if it looks for the rest of the room
	Port     int      `json:"port"`            // where the sender listens; 0 means nowhere
	Agent    string   `json:"agent"`
	Rooms    []InRoom `json:"rooms"`
}

// InRoom describes a room that the sender of a Hello is in.
type InRoom struct {
	Room     string  `json:"room"`
	Frontier string  `json:"frontier"`         // hash of all records that the sender holds; "": it doesn't say
	Sums     string  `json:"sums,omitempty"`   // the same by sums, for peers that compare by them
	Policy   *Policy `json:"policy,omitempty"` // in force for the sender
}

// Policy names the votes that the sender of a Hello applies. It changes nothing at the receiver, since
// only certificates do; package vote has the rules.
type Policy struct {
	SecureOnly bool   `json:"secure_only"`
	By         string `json:"by,omitempty"` // id of the proposal that caused it
	Votes      string `json:"votes"`        // hash of the vote records that the sender holds
}

// Ping keeps a link alive and measures its round-trip time.
type Ping struct {
	N        uint64            `json:"n"`
	Stamp    int64             `json:"stamp"`              // hard to guess, else any number
	Frontier map[string]string `json:"frontier,omitempty"` // room → hash, of rooms whose hash changed
}

// Pong answers a Ping with the same values.
type Pong struct {
	N     uint64 `json:"n"`
	Stamp int64  `json:"stamp"`
}

// Heartbeat is the seed's message: the sender's uuid.
type Heartbeat string

// Record is a signed record: the exact signed text and its signature.
type Record struct {
	Body string `json:"body"`
	Sig  []byte `json:"sig"`
}

// Chat is an unsigned message. Via is the sender's key if a line-mode guest of the sender wrote it.
type Chat struct {
	FromID    string        `json:"from_id"`
	FromName  string        `json:"from_name"`
	Content   string        `json:"content"`
	Timestamp uint64        `json:"timestamp"` // seconds since 1970
	Via       *identity.Key `json:"via,omitempty"`
}

// Head names a feed and the last record of it that is meant.
type Head struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	Seq    uint64       `json:"seq"`
}

// Have acknowledges all records of each feed up to its head.
type Have struct {
	Room  string `json:"room"`
	Heads []Head `json:"heads"`
}

// Holding is one feed of a Frontier: the sender holds Floor to Seq without a gap.
type Holding struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	Seq    uint64       `json:"seq"`
	Head   string       `json:"head"` // first 8 bytes of the id at Seq, hex
	Floor  uint64       `json:"floor,omitempty"`
}

// HeldVotes says which records about a proposal the sender of a Frontier or a Want holds. In a Want, no
// bits mean that the sender lacks the proposal itself.
type HeldVotes struct {
	Proposal string `json:"proposal"`
	Bits     []byte `json:"bits"`
}

// Frontier says what its sender holds of a room. It comes in pages with the same Turn, and Last marks the
// last of them. Ask requests the receiver's Frontier in return. Part says that it names some of the sender's feeds
// only; the Frontier in return names the same.
type Frontier struct {
	Room  string      `json:"room"`
	Hash  string      `json:"hash"`
	Turn  uint64      `json:"turn"`
	Feeds []Holding   `json:"feeds"`
	Votes []HeldVotes `json:"votes,omitempty"`
	Last  bool        `json:"last"`
	Ask   bool        `json:"ask,omitempty"`
	Part  bool        `json:"part,omitempty"`
}

// Heads says how far its sender is with a few feeds and votes that have just changed.
type Heads struct {
	Room  string      `json:"room"`
	Feeds []Holding   `json:"feeds,omitempty"`
	Votes []HeldVotes `json:"votes,omitempty"`
}

// Range is a part of a feed, From and To included.
type Range struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	From   uint64       `json:"from"`
	To     uint64       `json:"to"`
}

// Want requests ranges of feeds, and vote records by proposal, in at most Frames frames of Records.
type Want struct {
	Room   string      `json:"room"`
	N      uint64      `json:"n"`
	Frames int         `json:"frames"`
	Ranges []Range     `json:"ranges"`
	Votes  []HeldVotes `json:"votes,omitempty"`
	Bodies bool        `json:"bodies,omitempty"` // no stubs; only to peers with CapStubs
}

// MaxRecords is how many bytes of records a Records frame holds at most, if it holds more than one record.
const MaxRecords = 48 << 10

// Records is a part of the answer to the Want with the same N; the last part has End set.
type Records struct {
	Room    string   `json:"room"`
	N       uint64   `json:"n"`
	Records []Record `json:"records"`
	Stubs   []Stub   `json:"stubs,omitempty"` // only to peers with CapStubs
	Fork    bool     `json:"fork,omitempty"`  // its one record is half of the proof of a fork; only to peers with CapStubs
	End     bool     `json:"end,omitempty"`
}

// Stub stands in a Records frame for records From to Seq of a feed, whose bodies the sender doesn't keep. It counts
// only with the record at Seq+1 in the same frame, whose prev is ID.
type Stub struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	From   uint64       `json:"from,omitempty"` // absent: Seq alone
	Seq    uint64       `json:"seq"`
	ID     string       `json:"id"`
}

// MaxStub is how many records a Stub stands for at most.
const MaxStub = 1 << 20

// Contact is a peer and where it listens, as the sender sees it.
type Contact struct {
	Key   identity.Key `json:"key"`
	Addrs []string     `json:"addrs"` // host:port
}

// Peers names at most 50 peers that the sender is linked to, and that the receiver seems to lack.
type Peers struct {
	Peers []Contact `json:"peers"`
}

// Neighbour is one link of a Links frame.
type Neighbour struct {
	Key   identity.Key `json:"key"`
	RTTMs float64      `json:"rtt_ms,omitempty"` // versions before links2 say it
}

// Links names all live links of the sender, and replaces the Links before. One with Add or Drop says what has changed
// since, and has no Links.
type Links struct {
	Links []Neighbour    `json:"links,omitempty"`
	Add   []identity.Key `json:"add,omitempty"`
	Drop  []identity.Key `json:"drop,omitempty"`
}

// IsChange reports whether the frame says what has changed since the one before.
func (l *Links) IsChange() bool { return len(l.Add) > 0 || len(l.Drop) > 0 }

// Typing says whether the sender's user is writing.
type Typing struct {
	Room string `json:"room"`
	On   bool   `json:"on"`
}

// Reasons of a Bye.
const (
	ByeLeaving   = "leaving"   // the sender quits
	ByeDuplicate = "duplicate" // another link to the same peer stays
	ByeReplaced  = "replaced"  // a newer run with the receiver's key has a link
	ByeFull      = "full"      // the sender has 128 links
	ByeVersion   = "version"   // no version in common
	ByeRoom      = "room"      // no room in common; with peers: no more place for the receiver's link
	// ByeSignatures says that the receiver sent many records that are malformed or badly signed.
	ByeSignatures = "signatures"
)

// Bye is the last frame. All frames before it count.
type Bye struct {
	Reason string    `json:"reason"`
	Peers  []Contact `json:"peers,omitempty"` // with ByeRoom: others that the receiver can dial
}

// MaxByePeers is how many peers a Bye names.
const MaxByePeers = 3

// MaxNear is how many keys a Hello's Near has at most.
const MaxNear = 1024

// NearKey returns what stands for a key in a Hello's Near: its first 8 bytes as hex digits.
func NearKey(key identity.Key) string { return hex.EncodeToString(key.Bytes()[:8]) }

func (Hello) tag() string     { return "Hello" }
func (Ping) tag() string      { return "Ping" }
func (Pong) tag() string      { return "Pong" }
func (Heartbeat) tag() string { return "Heartbeat" }
func (Record) tag() string    { return "Record" }
func (Chat) tag() string      { return "Chat" }
func (Have) tag() string      { return "Have" }
func (Frontier) tag() string  { return "Frontier" }
func (Heads) tag() string     { return "Heads" }
func (Want) tag() string      { return "Want" }
func (Records) tag() string   { return "Records" }
func (Peers) tag() string     { return "Peers" }
func (Links) tag() string     { return "Links" }
func (Typing) tag() string    { return "Typing" }
func (Bye) tag() string       { return "Bye" }
