// Package votes holds the signed vote records of one room: proposals, ballots and cancels. It
// joins package vote, which decides what they mean and knows no signatures, to the records that
// prove it (VOTING.md).
//
// A Records is state under one lock: no goroutine, no I/O. It takes verified records in any order and
// from anybody, makes one's own, says what to keep on disk and what to hand on, and answers what
// peers ask when they compare (Map, ListMissing, Answer). The dispute set is in it too: what this client
// has seen and others have not (rule 6).
//
// Vote records stand outside feeds, so nothing here waits for a predecessor; ballots that come
// before their proposal wait in the book, bounded.
package votes

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// Errors of Accept.
var (
	ErrForm = errors.New("vote record has a feed, a place in it, or a wrong time")
)

// IsVoteRecord reports whether Records takes the record: a vote record outside any feed.
func IsVoteRecord(r *record.Record) bool { return r.Kind().IsVote() && r.Feed() == 0 }

// Records is the vote records of one room. Its methods may be called from any goroutine.
type Records struct {
	room record.RoomID
	self *identity.Identity

	mu       sync.Mutex // guards everything below
	ledger   *vote.Ledger
	records  map[vote.Ref]*record.Record // those that the book keeps or lets wait
	disputes vote.Disputes
	policy   vote.Policy
}

// New is the empty box of a room for one's own identity.
func NewRecords(room record.RoomID, self *identity.Identity) *Records {
	return &Records{
		room: room, self: self, ledger: vote.NewLedger(),
		records: map[vote.Ref]*record.Record{}, disputes: vote.Disputes{},
	}
}

// Outcome says what a record did.
type Outcome struct {
	Proposal vote.ID
	Accepted []*record.Record // new: to be stored and handed on; the record itself among them
	Dropped  []record.ID      // to be deleted where they are stored
	Was, Now vote.State       // of the proposal
	Evidence *vote.Evidence   // a key that now has signed both
	LeftOut  []identity.Key   // not empty: the proposal leaves them out, and is disputed here
	Policy   bool             // the policy is another one than before
}

func (rs *Records) accept(rec *record.Record, linked []identity.Key) (Outcome, error) {
	s, err := rs.read(rec)
	if err != nil {
		return Outcome{}, err
	}
	return rs.take(rec, s, linked)
}

// take is Accept for a record that was read.
func (rs *Records) take(rec *record.Record, said said, linked []identity.Key) (Outcome, error) {
	ref := said.ref
	out := Outcome{Proposal: ref.Proposal}
	var err error
	_, had := rs.records[ref]
	rs.records[ref] = rec // before the book adopts it or drops it
	var res vote.Result
	switch ref.Kind {
	case vote.RefProposal:
		res, err = rs.ledger.AddProposal(said.proposal)
	case vote.RefBallot:
		res, err = rs.ledger.AddBallot(vote.Ballot{Proposal: ref.Proposal, Voter: ref.By, Choice: ref.Choice, Size: size(rec)})
	case vote.RefCancel:
		res, err = rs.ledger.AddCancel(vote.Cancel{Proposal: ref.Proposal, By: ref.By, Size: size(rec)})
	}
	if res.Verdict == vote.Accepted {
		out.Accepted = append(out.Accepted, rec)
	}
	if res.Verdict == vote.Refused && !had {
		delete(rs.records, ref)
	}
	rs.follow(&out, ref, res)
	if ref.Kind == vote.RefProposal && res.Verdict == vote.Accepted {
		rs.judge(&out, &said.proposal, linked)
	}
	out.Policy = rs.derive()
	return out, err
}

// follow brings the records in line with what the book keeps.
func (rs *Records) follow(out *Outcome, ref vote.Ref, res vote.Result) {
	out.Was, out.Now = res.Was, res.Now
	for _, r := range res.Adopted {
		if rec := rs.records[r]; rec != nil && r != ref {
			out.Accepted = append(out.Accepted, rec)
		}
	}
	for _, r := range res.Discarded {
		delete(rs.records, r)
	}
	for _, id := range res.Dropped {
		for r, rec := range rs.records {
			if r.Proposal == id {
				out.Dropped = append(out.Dropped, rec.ID())
				delete(rs.records, r)
			}
		}
	}
	if res.Equivocated {
		for _, e := range rs.ledger.Evidence() {
			if e.Proposal == ref.Proposal && (ref.Kind == vote.RefProposal || e.Voter == ref.By) {
				out.Evidence = &e
				break
			}
		}
	}
}

// judge is rule 6: the one moment at which a proposal can become disputed by itself.
func (rs *Records) judge(out *Outcome, p *vote.Proposal, linked []identity.Key) {
	if out.LeftOut = p.ListLeftOut(rs.self.Key(), linked); len(out.LeftOut) > 0 {
		rs.disputes[p.ID] = struct{}{}
	}
}

// derive makes the policy anew and reports whether it changed.
func (rs *Records) derive() bool {
	p := rs.ledger.Policy(rs.disputes)
	changed := p.SecureOnly != rs.policy.SecureOnly || p.By != rs.policy.By ||
		p.Topic != rs.policy.Topic || p.TopicBy != rs.policy.TopicBy
	rs.policy = p
	return changed
}

// said is a vote record that was read.
type said struct {
	ref      vote.Ref
	proposal vote.Proposal // of a proposal
}

// read checks a record's form and decodes it.
func (rs *Records) read(rec *record.Record) (said, error) {
	body := rec.Body()
	if body.Room != rs.room {
		return said{}, fmt.Errorf("vote %w", record.ErrOtherRoom)
	}
	return read(rec)
}

func read(rec *record.Record) (said, error) {
	body := rec.Body()
	if body.Feed != 0 || body.Seq != 0 || body.Prev != (record.ID{}) {
		return said{}, ErrForm
	}
	if rec.Kind() != record.KindProposal && body.Time != (record.Time{}) {
		return said{}, ErrForm
	}
	switch rec.Kind() {
	case record.KindProposal:
		p, err := vote.DecodeProposal(body.Data)
		p.ID, p.Author, p.Time, p.Size = vote.ID(rec.ID()), rec.Author(), body.Time.Ms, size(rec)
		return said{p.Ref(), p}, err
	case record.KindBallot:
		v, err := vote.DecodeBallot(body.Data)
		v.Voter = rec.Author()
		return said{ref: v.Ref()}, err
	case record.KindCancel:
		c, err := vote.DecodeCancel(body.Data)
		c.By = rec.Author()
		return said{ref: c.Ref()}, err
	}
	return said{}, fmt.Errorf("%w: kind %.32q", ErrForm, rec.Kind())
}

// size is what a record counts for in the bounds of rule 11.
func size(rec *record.Record) int { return len(rec.Signed()) + 64 }

// sign makes one's own vote record.
func (rs *Records) sign(kind record.Kind, ms int64, data json.RawMessage) (*record.Record, error) {
	return record.Sign(rs.self, record.Body{Room: rs.room, Time: record.Time{Ms: ms}, Kind: kind, Data: data})
}
