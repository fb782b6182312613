// Package votes holds the signed vote records of one room: proposals, ballots and cancels. It
// joins package vote, which decides what they mean and knows no signatures, to the records that
// prove it (VOTING.md).
//
// A Box is state under one lock: no goroutine, no I/O. It takes verified records in any order and
// from anybody, makes one's own, says what to keep on disk and what to hand on, and answers what
// peers ask when they compare (Map, Lacking, Answer). The dispute set is in it too: what this client
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

// The kinds of vote record.
const (
	KindProposal record.Kind = "proposal"
	KindBallot   record.Kind = "ballot"
	KindCancel   record.Kind = "cancel"
)

// Errors of Accept.
var (
	ErrForm = errors.New("vote record has a feed, a place in it, or a wrong time")
)

// Is reports whether a record is one for a Box: of its kinds and outside any feed.
func Is(r *record.Record) bool {
	switch r.Kind() {
	case KindProposal, KindBallot, KindCancel:
		return r.Feed() == 0
	}
	return false
}

// Box is the vote records of one room. Its methods may be called from any goroutine.
type Box struct {
	room record.RoomID
	self *identity.Identity

	mu       sync.Mutex // guards everything below
	book     *vote.Book
	records  map[vote.Ref]*record.Record // those that the book keeps or lets wait
	disputes vote.Disputes
	policy   vote.Policy
}

// New is the empty box of a room for one's own identity.
func New(room record.RoomID, self *identity.Identity) *Box {
	return &Box{
		room: room, self: self, book: vote.NewBook(),
		records: map[vote.Ref]*record.Record{}, disputes: vote.Disputes{},
	}
}

// Outcome says what a record did.
type Outcome struct {
	Proposal vote.ID
	Kept     []*record.Record // new: to be stored and handed on; the record itself among them
	Dropped  []record.ID      // to be deleted where they are stored
	Was, Now vote.State       // of the proposal
	Twice    *vote.Evidence   // a key that now has signed both
	LeftOut  []identity.Key   // not empty: the proposal leaves them out, and is disputed here
	Policy   bool             // the policy is another one than before
}

// Accept takes a verified record of anybody. linked are the native peers that one has had a link to
// for vote.DisputeAfter or more (rule 6): they decide whether a proposal is disputed, at this moment
// and never again. The errors are record.ErrOtherRoom, ErrForm and those of package vote; a record that gets
// one is kept nowhere.
func (b *Box) Accept(rec *record.Record, linked []identity.Key) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accept(rec, linked)
}

func (b *Box) accept(rec *record.Record, linked []identity.Key) (Outcome, error) {
	s, err := b.read(rec)
	if err != nil {
		return Outcome{}, err
	}
	return b.take(rec, s, linked)
}

// take is Accept for a record that was read.
func (b *Box) take(rec *record.Record, said said, linked []identity.Key) (Outcome, error) {
	ref := said.ref
	out := Outcome{Proposal: ref.Proposal}
	var err error
	_, had := b.records[ref]
	b.records[ref] = rec // before the book adopts it or drops it
	var res vote.Result
	switch ref.Kind {
	case vote.RefProposal:
		res, err = b.book.AddProposal(said.proposal)
	case vote.RefBallot:
		res, err = b.book.AddBallot(vote.Ballot{Proposal: ref.Proposal, Voter: ref.By, Choice: ref.Choice, Size: size(rec)})
	case vote.RefCancel:
		res, err = b.book.AddCancel(vote.Cancel{Proposal: ref.Proposal, By: ref.By, Size: size(rec)})
	}
	if res.Verdict == vote.Kept {
		out.Kept = append(out.Kept, rec)
	}
	if res.Verdict == vote.Refused && !had {
		delete(b.records, ref)
	}
	b.follow(&out, ref, res)
	if ref.Kind == vote.RefProposal && res.Verdict == vote.Kept {
		b.judge(&out, &said.proposal, linked)
	}
	out.Policy = b.derive()
	return out, err
}

// follow brings the records in line with what the book keeps.
func (b *Box) follow(out *Outcome, ref vote.Ref, res vote.Result) {
	out.Was, out.Now = res.Was, res.Now
	for _, r := range res.Adopted {
		if rec := b.records[r]; rec != nil && r != ref {
			out.Kept = append(out.Kept, rec)
		}
	}
	for _, r := range res.Forgotten {
		delete(b.records, r)
	}
	for _, id := range res.Dropped {
		for r, rec := range b.records {
			if r.Proposal == id {
				out.Dropped = append(out.Dropped, rec.ID())
				delete(b.records, r)
			}
		}
	}
	if res.Twice {
		for _, e := range b.book.Evidence() {
			if e.Proposal == ref.Proposal && (ref.Kind == vote.RefProposal || e.Voter == ref.By) {
				out.Twice = &e
				break
			}
		}
	}
}

// judge is rule 6: the one moment at which a proposal can become disputed by itself.
func (b *Box) judge(out *Outcome, p *vote.Proposal, linked []identity.Key) {
	if out.LeftOut = p.LeavesOut(b.self.Key(), linked); len(out.LeftOut) > 0 {
		b.disputes[p.ID] = struct{}{}
	}
}

// derive makes the policy anew and reports whether it changed.
func (b *Box) derive() bool {
	p := b.book.Policy(b.disputes)
	changed := p.SecureOnly != b.policy.SecureOnly || p.By != b.policy.By ||
		p.Topic != b.policy.Topic || p.TopicBy != b.policy.TopicBy
	b.policy = p
	return changed
}

// said is a vote record that was read.
type said struct {
	ref      vote.Ref
	proposal vote.Proposal // of a proposal
}

// read checks a record's form and decodes it.
func (b *Box) read(rec *record.Record) (said, error) {
	body := rec.Body()
	if body.Room != b.room {
		return said{}, fmt.Errorf("vote %w", record.ErrOtherRoom)
	}
	return read(rec)
}

func read(rec *record.Record) (said, error) {
	body := rec.Body()
	if body.Feed != 0 || body.Seq != 0 || body.Prev != (record.ID{}) {
		return said{}, ErrForm
	}
	if rec.Kind() != KindProposal && body.Time != (record.Time{}) {
		return said{}, ErrForm
	}
	switch rec.Kind() {
	case KindProposal:
		p, err := vote.DecodeProposal(body.Data)
		p.ID, p.Author, p.Time, p.Size = vote.ID(rec.ID()), rec.Author(), body.Time.Ms, size(rec)
		return said{p.Ref(), p}, err
	case KindBallot:
		v, err := vote.DecodeBallot(body.Data)
		v.Voter = rec.Author()
		return said{ref: v.Ref()}, err
	case KindCancel:
		c, err := vote.DecodeCancel(body.Data)
		c.By = rec.Author()
		return said{ref: c.Ref()}, err
	}
	return said{}, fmt.Errorf("%w: kind %.32q", ErrForm, rec.Kind())
}

// size is what a record counts for in the bounds of rule 11.
func size(rec *record.Record) int { return len(rec.Signed()) + 64 }

// sign makes one's own vote record.
func (b *Box) sign(kind record.Kind, ms int64, data json.RawMessage) (*record.Record, error) {
	return record.Sign(b.self, record.Body{Room: b.room, Time: record.Time{Ms: ms}, Kind: kind, Data: data})
}
