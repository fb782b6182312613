package vote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// Errors of the decoders.
var (
	ErrMalformed    = errors.New("vote record is malformed")
	ErrNotCanonical = errors.New("vote record is not in canonical form")
)

// MaxData bounds the bytes that the decoders look at: no record's data is larger than its body.
const MaxData = 32 << 10

// The order of the fields is the order of the keys in the signed bytes.
type proposalData struct {
	N      uint64         `json:"n"`
	Slot   Slot           `json:"slot"`
	Base   ID             `json:"base"`
	Ends   []ID           `json:"ends"`
	Action string         `json:"action"`
	Roll   []identity.Key `json:"roll"`
	Need   int            `json:"need"`
	Note   string         `json:"note"`
	Closes int64          `json:"closes"`
}

type ballotData struct {
	Proposal ID     `json:"proposal"`
	Choice   Choice `json:"choice"`
}

type cancelData struct {
	Proposal ID `json:"proposal"`
}

// EncodeProposal returns the canonical data of p's record, without ID, Author, Time and Size. The
// errors are those of DecodeProposal, so that no peer signs what others refuse.
func EncodeProposal(p *Proposal) ([]byte, error) {
	if err := p.checkData(); err != nil {
		return nil, err
	}
	ends := p.Ends
	if ends == nil {
		ends = []ID{} // [] and not null
	}
	return encodeCanonical(proposalData{p.Number, p.Slot, p.Base, ends, p.Action, p.Roll, p.Need, p.Note, p.Closes})
}

// DecodeProposal reads a proposal record's data strictly. It refuses unknown, duplicate, missing
// and wrong-case keys, and all that Validate would refuse in the data alone.
//
// The caller fills in ID, Author, Time and Size from the record and then calls Validate.
func DecodeProposal(data []byte) (Proposal, error) {
	var d proposalData
	if err := decodeJSON(data, &d); err != nil {
		return Proposal{}, err
	}
	p := Proposal{
		Number: d.N, Slot: d.Slot, Base: d.Base, Ends: d.Ends, Action: d.Action,
		Roll: d.Roll, Need: d.Need, Note: d.Note, Closes: d.Closes,
	}
	again, err := EncodeProposal(&p)
	if err != nil {
		return Proposal{}, err
	}
	return p, requireSame(data, again)
}

// EncodeBallot returns the canonical data of b's record: the proposal and the choice.
func EncodeBallot(b Ballot) ([]byte, error) {
	if b.Proposal.IsZero() {
		return nil, fmt.Errorf("%w: a ballot for no proposal", ErrMalformed)
	}
	return encodeCanonical(ballotData{b.Proposal, b.Choice})
}

// DecodeBallot reads a ballot record's data as strictly as DecodeProposal. The caller fills in
// Voter and Size.
func DecodeBallot(data []byte) (Ballot, error) {
	var d ballotData
	if err := decodeJSON(data, &d); err != nil {
		return Ballot{}, err
	}
	b := Ballot{Proposal: d.Proposal, Choice: d.Choice}
	again, err := EncodeBallot(b)
	if err != nil {
		return Ballot{}, err
	}
	return b, requireSame(data, again)
}

// EncodeCancel returns the canonical data of c's record: the proposal.
func EncodeCancel(c Cancel) ([]byte, error) {
	if c.Proposal.IsZero() {
		return nil, fmt.Errorf("%w: a cancel for no proposal", ErrMalformed)
	}
	return encodeCanonical(cancelData{c.Proposal})
}

// DecodeCancel reads a cancel record's data as strictly as DecodeProposal. The caller fills in By
// and Size.
func DecodeCancel(data []byte) (Cancel, error) {
	var d cancelData
	if err := decodeJSON(data, &d); err != nil {
		return Cancel{}, err
	}
	c := Cancel{Proposal: d.Proposal}
	again, err := EncodeCancel(c)
	if err != nil {
		return Cancel{}, err
	}
	return c, requireSame(data, again)
}

// encodeCanonical returns v in the canonical form of package crypto/record, rule 3: compact,
// without HTML escapes.
func encodeCanonical(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func decodeJSON(data []byte, v any) error {
	if len(data) > MaxData {
		return fmt.Errorf("%w: data of %d bytes", ErrMalformed, len(data))
	}
	if !utf8.Valid(data) {
		return fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// requireSame makes a decoder strict. encoding/json accepts a key twice and in any case, so that
// {"choice":"reject","CHOICE":"approve"} reads as approve. Only data that encodes to itself passes.
func requireSame(data, again []byte) error {
	if !bytes.Equal(data, again) {
		return ErrNotCanonical
	}
	return nil
}
