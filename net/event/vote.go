package event

import (
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

// Voter is one key of a voter list.
type Voter struct {
	Key    identity.Key
	ID     string      // uuid
	Name   string      // raw
	Choice vote.Choice // this voter's ballots, as far as they are known
	Here   bool        // linked, or the local peer
}

// Ending is how far a vote for secure-only off has come with one of the votes that it ends (see package vote).
type Ending struct {
	Label string // names the vote that it ends
	Need  int
	Have  int
	Whose []Voter // whose approval counts
}

// Proposal is a proposal as it stands for this reader.
type Proposal struct {
	ID       string // its record's, 64 hex digits; "" for a draft
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
	CanVote  bool        // the local person is asked: it is open, or it passed and lacks our approval to end what it names
	Idle     bool        // passed, and yet without effect here
	LeftOut  []Voter     // missing on its voter list when it came: then it is disputed
	Ends     []Ending    // the votes that a vote for secure-only off ends
	Silenced int         // in a draft: plain peers that would not be heard any more
}

// Lacks returns the first vote that it names and has not ended, and whether there is one.
func (p Proposal) Lacks() (Ending, bool) {
	for _, e := range p.Ends {
		if e.Have < e.Need {
			return e, true
		}
	}
	return Ending{}, false
}

// Of returns how many may vote.
func (p Proposal) Of() int { return len(p.Roll) }

// Missing returns the voters without a ballot.
func (p Proposal) Missing() []Voter {
	var out []Voter
	for _, v := range p.Roll {
		if v.Choice == vote.None {
			out = append(out, v)
		}
	}
	return out
}

// ProposalChanged says that a proposal came or has changed. It carries all of it.
type ProposalChanged struct {
	Scope
	Proposal Proposal
	Was      vote.Status // the state before; "" when it is new here
	History  bool        // learned by catching up or from disk
}

// BallotCast is a ballot that was counted, a local one too. It follows its ProposalChanged.
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
	Number     int     // the proposal that switched secure-only on; 0 if none did
	Label      string  // the label of that proposal
	Signed     []Voter // its approvers
	Topic      string  // raw, "" if there is none
	TopicLabel string
}

// PolicyChanged says that the policy is known, or has changed. It comes once at the start.
type PolicyChanged struct {
	Scope
	Policy  Policy
	First   bool // at the start
	History bool // learned by catching up
}

// Differs says that a peer applies another policy than we do. The proposal of that label is in force
// for the peer and not for us; if theirs isn't secure-only, the other way round.
type Differs struct {
	Scope
	Peer       Peer
	SecureOnly bool   // theirs
	Label      string // "" when it is not known here
}

// Gate says whether cleartext may be sent: a joiner waits until it knows the room's policy.
type Gate struct {
	Scope
	Open   bool
	Reason string // why not, or a doubt although it is open
}
