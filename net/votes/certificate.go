package votes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// MaxCertificate bounds a file in bytes: 256 ballots and 64 ended proposals of full size fit.
const MaxCertificate = 4 << 20

// ErrCertificate is wrapped by the errors of ReadCertificate.
var ErrCertificate = errors.New("the file proves nothing")

// file is the content of a file (rule 1).
type file struct {
	P2pchat  string   `json:"p2pchat"`
	V        int      `json:"v"`
	Proposal signed   `json:"proposal"`
	Ballots  []signed `json:"ballots"`
	Ends     []signed `json:"ends"`
}

type signed struct {
	Body string `json:"body"`
	Sig  []byte `json:"sig"`
}

// Certificate is a checked file: the certificate of a passed proposal, or evidence of equivocation.
type Certificate struct {
	Room        record.RoomID
	Proposal    vote.Proposal
	Approvals   []identity.Key // only in a certificate: the voters that approved, ascending
	Ends        []Ending       // only in an OFF's certificate: the named ONs that are in the file
	Equivocator identity.Key   // only in evidence: the voter that signed both; else zero
}

// Ending is what the certificate of an OFF shows about an ON that it names.
type Ending struct {
	On         vote.Proposal
	Have, Need int // approvals by voters of the ON's roll, and how many of these end it
}

// Ended reports whether the certificate shows that the ON was ended.
func (e Ending) Ended() bool { return e.Have >= e.Need }

// EncodeCertificate returns the file that proves that a proposal passed; false while it has not.
func (rs *Records) EncodeCertificate(id vote.ID) ([]byte, bool) {
	c, ok := rs.Certificate(id)
	if !ok {
		return nil, false
	}
	f := file{P2pchat: "certificate", V: 1, Proposal: form(rs.records[c.Proposal.Ref()]), Ballots: []signed{}, Ends: []signed{}}
	for _, v := range c.Ballots {
		f.Ballots = append(f.Ballots, form(rs.records[v.Ref()]))
	}
	for _, on := range c.Proposal.Ends {
		if rec := rs.records[vote.Ref{Kind: vote.RefProposal, Proposal: on}]; rec != nil {
			f.Ends = append(f.Ends, form(rec))
		}
	}
	return f.encode(), true
}

// EncodeEvidence returns the file that proves that a key signed both choices, if all its records are here.
func (rs *Records) EncodeEvidence(id vote.ID) ([]byte, bool) {
	for _, e := range rs.Evidence() {
		b := e.Ballots()
		p, yes, no := rs.records[vote.Ref{Kind: vote.RefProposal, Proposal: id}], rs.records[b[0]], rs.records[b[1]]
		if e.Proposal == id && p != nil && yes != nil && no != nil {
			f := file{P2pchat: "evidence", V: 1, Proposal: form(p), Ends: []signed{}}
			f.Ballots = []signed{form(yes), form(no)}
			return f.encode(), true
		}
	}
	return nil, false
}

func form(r *record.Record) signed { return signed{r.Signed(), r.Signature()} }

func (f *file) encode() []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(f) != nil {
		return nil // strings, numbers and bytes always encode
	}
	return out.Bytes()
}

// IsCertificate reports whether a file with that beginning is a certificate or evidence, rather than an export.
func IsCertificate(begin []byte) bool { return bytes.HasPrefix(begin, []byte(`{"p2pchat":`)) }

// ReadCertificate checks a file by rules 1 to 7 and returns the first flaw, wrapping ErrCertificate.
func ReadCertificate(r io.Reader) (*Certificate, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxCertificate+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxCertificate {
		return nil, fmt.Errorf("%w: over %d bytes", ErrCertificate, MaxCertificate)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if !bytes.Equal(f.encode(), text) {
		return nil, fmt.Errorf("%w: it is not in its canonical form: a byte more, less or other than was written", ErrCertificate)
	}
	if f.V != 1 {
		return nil, fmt.Errorf("%w: version %d is not known here", ErrCertificate, f.V)
	}
	p, err := f.check()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return p, nil
}

func (f *file) check() (*Certificate, error) {
	proposal, err := f.Proposal.read("the proposal", record.KindProposal)
	if err != nil {
		return nil, err
	}
	p := &Certificate{Room: proposal.rec.Body().Room, Proposal: proposal.proposal}
	c := vote.Certificate{Proposal: p.Proposal}
	for i, s := range f.Ballots {
		ballot, err := s.read(fmt.Sprintf("ballot %d", i+1), record.KindBallot)
		switch {
		case err != nil:
			return nil, err
		case ballot.rec.Body().Room != p.Room:
			return nil, fmt.Errorf("ballot %d is of another room", i+1)
		}
		c.Ballots = append(c.Ballots, vote.Ballot{Proposal: ballot.ref.Proposal, Voter: ballot.ref.By, Choice: ballot.ref.Choice})
	}
	switch f.P2pchat {
	case "certificate":
		return p, p.certificate(&c, f.Ends)
	case "evidence":
		return p, p.evidence(c, f.Ends)
	}
	return nil, fmt.Errorf("%.32q is no kind of proof", f.P2pchat)
}

// read verifies one signed record and decodes it.
func (s signed) read(what string, kind record.Kind) (readRecord, error) {
	claim, err := record.Parse(s.Body, s.Sig)
	if err != nil {
		return readRecord{}, fmt.Errorf("%s: %w", what, err)
	}
	rec, err := claim.Verify()
	if err != nil {
		return readRecord{}, fmt.Errorf("%s: %w", what, err)
	}
	if rec.Kind() != kind {
		return readRecord{}, fmt.Errorf("%s is a %.32q", what, rec.Kind())
	}
	out, err := read(rec, rec.Body().Room)
	if err == nil && kind == record.KindProposal {
		err = vote.Validate(&out.proposal)
	}
	if err != nil {
		return readRecord{}, fmt.Errorf("%s: %w", what, err)
	}
	return out, nil
}

func (p *Certificate) certificate(c *vote.Certificate, ends []signed) error {
	if err := c.Check(); err != nil {
		return err
	}
	for _, v := range c.Ballots {
		p.Approvals = append(p.Approvals, v.Voter)
	}
	at := 0
	for i, s := range ends {
		on, err := s.read(fmt.Sprintf("ended proposal %d", i+1), record.KindProposal)
		if err != nil {
			return err
		}
		place := slices.Index(p.Proposal.Ends[at:], on.proposal.ID)
		if on.rec.Body().Room != p.Room || place < 0 {
			return fmt.Errorf("ended proposal %d is not one that this one names, in its order", i+1)
		}
		at += place + 1
		if on.proposal.IsOn() {
			p.Ends = append(p.Ends, Ending{on.proposal, c.ApprovedBy(&on.proposal), vote.Majority(len(on.proposal.Roll))})
		}
	}
	return nil
}

func (p *Certificate) evidence(c vote.Certificate, ends []signed) error {
	b := c.Ballots
	switch {
	case len(ends) > 0 || len(b) != 2:
		return errors.New("evidence is two ballots and nothing else")
	case b[0].Proposal != p.Proposal.ID || b[1].Proposal != p.Proposal.ID:
		return errors.New("a ballot is for another proposal")
	case b[0].Voter != b[1].Voter:
		return errors.New("the ballots are of two voters")
	case !p.Proposal.OnRoll(b[0].Voter):
		return errors.New("the voter is not on the roll")
	case b[0].Choice != vote.Approve || b[1].Choice != vote.Reject:
		return errors.New("the ballots are not an approval and then a reject")
	}
	p.Equivocator = b[0].Voter
	return nil
}
