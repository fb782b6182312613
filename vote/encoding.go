package vote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Errors of the decoders.
var (
	ErrMalformed    = errors.New("vote record is malformed")
	ErrNotCanonical = errors.New("vote record is not in canonical form")
)

// MaxData bounds the bytes that the decoders look at: no record's data is larger than its body.
const MaxData = 32 << 10

// EncodeProposal returns the canonical data of p's record, without ID, Author, Time and Size. The
// errors are those of DecodeProposal, so that no peer signs what others refuse.
func EncodeProposal(p *Proposal) ([]byte, error) {
	if err := p.checkData(); err != nil {
		return nil, err
	}
	data := *p
	if data.Ends == nil {
		data.Ends = []ID{} // [] and not null
	}
	return encodeCanonical(&data)
}

// DecodeProposal reads a proposal record's data strictly. It refuses unknown, duplicate, missing
// and wrong-case keys, and all that Validate would refuse in the data alone.
//
// The caller fills in ID, Author, Time and Size from the record and then calls Validate.
func DecodeProposal(data []byte) (Proposal, error) {
	return decodeCanonical(data, func(p Proposal) ([]byte, error) { return EncodeProposal(&p) })
}

// EncodeBallot returns the canonical data of b's record: the proposal and the choice.
func EncodeBallot(b Ballot) ([]byte, error) {
	if b.Proposal.IsZero() {
		return nil, fmt.Errorf("%w: a ballot for no proposal", ErrMalformed)
	}
	return encodeCanonical(b)
}

// DecodeBallot reads a ballot record's data as strictly as DecodeProposal. The caller fills in
// Voter and Size.
func DecodeBallot(data []byte) (Ballot, error) { return decodeCanonical(data, EncodeBallot) }

// EncodeCancel returns the canonical data of c's record: the proposal.
func EncodeCancel(c Cancel) ([]byte, error) {
	if c.Proposal.IsZero() {
		return nil, fmt.Errorf("%w: a cancel for no proposal", ErrMalformed)
	}
	return encodeCanonical(c)
}

// DecodeCancel reads a cancel record's data as strictly as DecodeProposal. The caller fills in By
// and Size.
func DecodeCancel(data []byte) (Cancel, error) { return decodeCanonical(data, EncodeCancel) }

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

// decodeCanonical reads data that encode gives back. encoding/json alone accepts a key twice and in
// any case, so that {"choice":"reject","CHOICE":"approve"} would read as approve.
func decodeCanonical[T any](data []byte, encode func(T) ([]byte, error)) (v T, err error) {
	if len(data) > MaxData {
		return v, fmt.Errorf("%w: data of %d bytes", ErrMalformed, len(data))
	}
	if !utf8.Valid(data) {
		return v, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	again, err := encode(v)
	if err == nil && !bytes.Equal(data, again) {
		err = ErrNotCanonical
	}
	return v, err
}
