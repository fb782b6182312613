package vote

import (
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
)

// Choice is what a ballot says. Approve and Reject are bits: Both is what is known of a voter who
// signed one of each, and no ballot says it.
type Choice uint8

// The choices.
const (
	None    Choice = 0
	Approve Choice = 1
	Reject  Choice = 2
	Both           = Approve | Reject
)

// String is the choice's word in a ballot; "none" and "both" for the other two.
func (c Choice) String() string {
	switch c {
	case None:
		return "none"
	case Approve:
		return "approve"
	case Reject:
		return "reject"
	case Both:
		return "both"
	}
	return fmt.Sprintf("choice %d", uint8(c))
}

// MarshalText writes the word of Approve or Reject.
func (c Choice) MarshalText() ([]byte, error) {
	if c != Approve && c != Reject {
		return nil, fmt.Errorf("a ballot says approve or reject, not %v", c)
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads exactly what MarshalText writes.
func (c *Choice) UnmarshalText(text []byte) error {
	switch string(text) {
	case "approve":
		*c = Approve
	case "reject":
		*c = Reject
	default:
		return fmt.Errorf("a ballot says approve or reject, not %.40q", text)
	}
	return nil
}

// Ballot is a verified ballot record, as a value.
type Ballot struct {
	Proposal ID
	Voter    identity.Key // who signed it
	Choice   Choice       // Approve or Reject
	Size     int          // bytes, as in Proposal
}

// Cancel is a verified cancel record, as a value. It is advisory: a last approval that was already
// signed still passes the proposal.
type Cancel struct {
	Proposal ID
	By       identity.Key // who signed it; only the proposal's author's counts
	Size     int          // bytes, as in Proposal
}
