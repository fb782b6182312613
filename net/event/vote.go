package event

import (
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

// Voter is one place of a roll.
type Voter struct {
	Key    identity.Key
	ID     string      // uuid
	Name   string      // raw
	Choice vote.Choice // what is known of this voter's ballots
	Here   bool        // linked, or oneself
}

// Ending is how far a vote that switches secure-only off has come with one of those that switched it
// on (VOTING.md rule 5).
type Ending struct {
	Label string // of the one that it ends
	Need  int
	Have  int
	Whose []Voter // whose approval counts
}

// Proposal is a proposal as it stands for this reader.
type Proposal struct {
	ID       string // of its record, 64 hex digits; "" for one that is only a draft
	Number   int    // the short number
	Label    string // what people call it: "#4", or "#4·7f" while two have that number
	Slot     vote.Slot
	Action   string // "on", "off", or the topic, raw
	Note     string // raw
	By       Voter
	State    vote.Status
	Yes, No  int
	Need     int
	Roll     []Voter // ascending by key
	Time     time.Time
	Closes   time.Time
	Mine     vote.Choice // the local peer's own ballot
	CanVote  bool        // one is asked: it is open, or has passed and lacks one's approval to end what it names
	Idle     bool        // passed, and yet what it says does not hold here: see Effect
	LeftOut  []Voter     // whom the roll leaves out, when it came: then it is disputed
	Ends     []Ending    // of secure-only off
	Silenced int         // of a draft: plain peers that would not be heard any more
}

// Lacks is the first of those that it names and has not ended; false if there is none.
func (p Proposal) Lacks() (Ending, bool) {
	for _, e := range p.Ends {
		if e.Have < e.Need {
			return e, true
		}
	}
	return Ending{}, false
}

// Of is how many may vote.
func (p Proposal) Of() int { return len(p.Roll) }

// Missing is who has not voted.
func (p Proposal) Missing() []Voter {
	var out []Voter
	for _, v := range p.Roll {
		if v.Choice == vote.None {
			out = append(out, v)
		}
	}
	return out
}

// ProposalChanged says that a proposal came or stands otherwise. It carries all of it.
type ProposalChanged struct {
	Scope
	Proposal Proposal
	Was      vote.Status // the state before; "" when it is new here
	History  bool        // learned by catching up or from disk
}

// BallotCast is a ballot that was counted, one's own too. It follows its ProposalChanged.
type BallotCast struct {
	Scope
	Proposal Proposal
	By       Voter
	Choice   vote.Choice // Approve or Reject
	Twice    bool        // its voter has signed both
	History  bool
}

// Policy is what the room has decided, as it holds for this reader.
type Policy struct {
	SecureOnly bool
	Number     int     // of the proposal that made it so, 0 if none did
	Label      string  // of that proposal, "" if none did
	Signed     []Voter // who approved that
	Topic      string  // raw, "" if there is none
	TopicLabel string
}

// PolicyChanged says that the policy is known, or another. It comes once at the start.
type PolicyChanged struct {
	Scope
	Policy  Policy
	First   bool // at the start
	History bool // learned by catching up: nobody was there when it was decided
}

// Differs says that a peer follows another policy than one does oneself: it has the proposal of that
// label in force and oneself not, or, if theirs isn't secure-only, the other way round.
type Differs struct {
	Scope
	Peer       Peer
	SecureOnly bool   // theirs
	Label      string // "" when it is not known here
}

// Gate says whether what is typed may be sent: a joiner waits until it knows the room's policy.
type Gate struct {
	Scope
	Open   bool
	Reason string // why not, or what is uncertain although it is open
}

func (ProposalChanged) event() {}
func (BallotCast) event()      {}
func (PolicyChanged) event()   {}
func (Differs) event()         {}
func (Gate) event()            {}
