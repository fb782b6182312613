package wire

import "chat.lan/p2pchat/crypto/identity"

// Hello is the first frame each way. The key is not in it: TLS has shown that already.
type Hello struct {
	Versions []int    `json:"versions"` // protocol versions that the sender speaks
	ID       string   `json:"id"`       // the seed protocol's uuid of the key
	Name     string   `json:"name"`     // ≤ 64 bytes
	Started  int64    `json:"started"`  // ms since 1970 at this run's start
	Inst     string   `json:"inst"`     // random, of this run
	Caps     []string `json:"caps,omitempty"`
	Port     int      `json:"port"` // where the sender listens; 0: nowhere
	Agent    string   `json:"agent"`
	Rooms    []InRoom `json:"rooms"`
}

func (Hello) tag() string { return "Hello" }

// InRoom is what a Hello says of a room that its sender is in.
type InRoom struct {
	Room     string  `json:"room"`
	Frontier string  `json:"frontier"`         // hash of all that the sender holds of it
	Policy   *Policy `json:"policy,omitempty"` // in force for the sender
}

// Policy is what a Hello says of the votes that its sender follows (VOTING.md rules 6 and 9). It
// switches nothing: only certificates do.
type Policy struct {
	SecureOnly bool   `json:"secure_only"`
	By         string `json:"by,omitempty"` // id of the proposal that made it so
	Votes      string `json:"votes"`        // hash of the vote records that the sender holds
}

// Ping keeps a link alive and measures it.
type Ping struct {
	N        uint64            `json:"n"`
	Stamp    int64             `json:"stamp"`              // sender's monotonic clock, ns
	Frontier map[string]string `json:"frontier,omitempty"` // room → hash
}

func (Ping) tag() string { return "Ping" }

// Pong answers a Ping with the same values.
type Pong struct {
	N     uint64 `json:"n"`
	Stamp int64  `json:"stamp"`
}

func (Pong) tag() string { return "Pong" }

// Heartbeat is the seed's: the sender's uuid.
type Heartbeat string

func (Heartbeat) tag() string { return "Heartbeat" }

// Record is a signed record: the exact signed bytes and the signature.
type Record struct {
	Body string `json:"body"`
	Sig  []byte `json:"sig"`
}

func (Record) tag() string { return "Record" }

// Chat is the seed's line. Via is who a line-mode guest hangs on, when one's guest said it.
type Chat struct {
	FromID    string        `json:"from_id"`
	FromName  string        `json:"from_name"`
	Content   string        `json:"content"`
	Timestamp uint64        `json:"timestamp"` // seconds since 1970
	Via       *identity.Key `json:"via,omitempty"`
}

func (Chat) tag() string { return "Chat" }

// Head names a feed and how far of it is meant.
type Head struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	Seq    uint64       `json:"seq"`
}

// Have acknowledges, cumulatively, what was received: to its author, and to whom it came from live.
type Have struct {
	Room  string `json:"room"`
	Heads []Head `json:"heads"`
}

func (Have) tag() string { return "Have" }

// Holding is a line of a Frontier: of this feed the sender holds Floor to Seq without a gap.
type Holding struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	Seq    uint64       `json:"seq"`
	Head   string       `json:"head"` // first 8 bytes of the id at Seq, hex
	Floor  uint64       `json:"floor,omitempty"`
}

// HeldVotes is a line of a Frontier or a Want: which records about one proposal its sender holds,
// two bits a place of the roll and one for its cancel (package vote, Held). In a Want, no bits mean
// that not even the proposal is there.
type HeldVotes struct {
	Proposal string `json:"proposal"`
	Bits     []byte `json:"bits"`
}

// Frontier says what its sender holds of a room. It comes in pages of one Turn; Last marks the
// turn's last page. Ask wants the receiver's in return.
type Frontier struct {
	Room  string      `json:"room"`
	Hash  string      `json:"hash"`
	Turn  uint64      `json:"turn"`
	Feeds []Holding   `json:"feeds"`
	Votes []HeldVotes `json:"votes,omitempty"`
	Last  bool        `json:"last"`
	Ask   bool        `json:"ask,omitempty"`
}

func (Frontier) tag() string { return "Frontier" }

// Range is part of a feed, From and To included.
type Range struct {
	Author identity.Key `json:"author"`
	Feed   string       `json:"feed"`
	From   uint64       `json:"from"`
	To     uint64       `json:"to"`
}

// Want asks for records: ranges of feeds, and vote records by proposal. The answer is at most Frames frames
// of Records with the same N, the last of which says End.
type Want struct {
	Room   string      `json:"room"`
	N      uint64      `json:"n"`
	Frames int         `json:"frames"`
	Ranges []Range     `json:"ranges"`
	Votes  []HeldVotes `json:"votes,omitempty"`
}

func (Want) tag() string { return "Want" }

// MaxRecords is the greatest sum of record bytes in one Records frame; at least one record goes.
const MaxRecords = 48 << 10

// Records answers a Want, in the order of its ranges, vote records first. What the sender doesn't hold is
// left out.
type Records struct {
	Room    string   `json:"room"`
	N       uint64   `json:"n"`
	Records []Record `json:"records"`
	End     bool     `json:"end,omitempty"`
}

func (Records) tag() string { return "Records" }

// Contact is a peer and where it listens, as seen by the sender.
type Contact struct {
	Key   identity.Key `json:"key"`
	Addrs []string     `json:"addrs"` // host:port
}

// Peers is peer exchange: the sender's first-hand peers, ≤ 50.
type Peers struct {
	Peers []Contact `json:"peers"`
}

func (Peers) tag() string { return "Peers" }

// Neighbour is one live link of a Links frame.
type Neighbour struct {
	Key   identity.Key `json:"key"`
	RTTMs float64      `json:"rtt_ms"`
}

// Links names all live links of the sender; it replaces what the Links before said.
type Links struct {
	Links []Neighbour `json:"links"`
}

func (Links) tag() string { return "Links" }

// Typing says that the sender is writing, or has stopped.
type Typing struct {
	Room string `json:"room"`
	On   bool   `json:"on"`
}

func (Typing) tag() string { return "Typing" }

// Reasons of a Bye.
const (
	ByeLeaving   = "leaving"   // the sender quits
	ByeDuplicate = "duplicate" // another link to the same peer stays
	ByeReplaced  = "replaced"  // a newer run with the receiver's key is here
	ByeFull      = "full"      // 128 links
	ByeSlow      = "slow"      // a write was stuck for 10 s
	ByeVersion   = "version"   // no version in common
	ByeRoom      = "room"      // no room in common
)

// Bye is the last frame. What came before it counts.
type Bye struct {
	Reason string `json:"reason"`
}

func (Bye) tag() string { return "Bye" }
