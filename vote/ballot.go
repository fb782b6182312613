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
	if c > Both {
		return fmt.Sprintf("choice %d", uint8(c))
	}
	return [...]string{"none", "approve", "reject", "both"}[c]
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
	for _, choice := range []Choice{Approve, Reject} {
		if string(text) == choice.String() {
			*c = choice
			return nil
		}
	}
	return fmt.Errorf("a ballot says approve or reject, not %.40q", text)
}

// Ballot is a verified ballot record, as a value. As JSON it is the record's data.
type Ballot struct {
	Proposal ID           `json:"proposal"`
	Voter    identity.Key `json:"-"`      // the signer
	Choice   Choice       `json:"choice"` // Approve or Reject
	Size     int          `json:"-"`      // bytes, as in Proposal
}

// Cancel is a verified cancel record, as a value. As JSON it is the record's data. A last approval
// that was signed before still passes the proposal.
type Cancel struct {
	Proposal ID           `json:"proposal"`
	By       identity.Key `json:"-"` // the signer; only the proposal's author can cancel it
	Size     int          `json:"-"` // bytes, as in Proposal
}
