package vote

import (
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
)

// Choice is the content of a ballot. Approve and Reject are bits: Both stands for a voter that
// signed both, and no ballot carries it.
type Choice uint8

// The choices.
const (
	None    Choice = 0
	Approve Choice = 1
	Reject  Choice = 2
	Both           = Approve | Reject
)

// String returns the word of the choice in a ballot; "none" and "both" for the other two.
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

// MarshalText returns the word of Approve or Reject, and an error for every other choice.
func (c Choice) MarshalText() ([]byte, error) {
	if c != Approve && c != Reject {
		return nil, fmt.Errorf("a ballot says approve or reject, not %v", c)
	}
	return []byte(c.String()), nil
}

// UnmarshalText accepts exactly what MarshalText returns.
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
	Voter    identity.Key // the signer
	Choice   Choice       // Approve or Reject
	Size     int          // bytes, as in Proposal
}

// Cancel is a verified cancel record, as a value. A last approval that was signed before still
// passes the proposal.
type Cancel struct {
	Proposal ID
	By       identity.Key // the signer; only the proposal's author can cancel it
	Size     int          // bytes, as in Proposal
}
