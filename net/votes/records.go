package votes

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// ErrForm refuses a vote record outside its place.
var ErrForm = errors.New("vote record has a feed, a place in it, or a wrong time")

// IsVoteRecord reports whether Records takes the record: a vote record outside any feed.
func IsVoteRecord(r *record.Record) bool { return r.Kind().IsVote() && r.Feed() == 0 }

// Records holds the vote records of one room: the ledger, the record behind each of its entries, and the policy.
type Records struct {
	*vote.Ledger
	room     record.RoomID
	self     *identity.Identity
	records  map[vote.Ref]*record.Record // those that the ledger holds, pending ones too
	disputes vote.Disputes
	policy   vote.Policy

	secureOnly atomic.Pointer[string] // what SecureOnly returns; nil: off
}

// NewRecords returns the empty records of a room for the local identity.
func NewRecords(room record.RoomID, self *identity.Identity) *Records {
	return &Records{
		Ledger: vote.NewLedger(), room: room, self: self,
		records: map[vote.Ref]*record.Record{}, disputes: vote.Disputes{},
	}
}

// Change says what records about one proposal changed.
type Change struct {
	Proposal    vote.ID
	Accepted    []*record.Record // new: to save and forward
	Dropped     []record.ID      // to delete on disk
	Equivocator identity.Key     // has signed both choices, as these records show; else zero
	LeftOut     []identity.Key   // voters that the proposal leaves out; if there are any, it is disputed here
	Policy      bool             // the policy changed
}

// take adds a record that was read, and its effect to out. linked are the native peers with a
// link for vote.DisputeAfter or more. They decide whether a proposal is disputed, now and never again
// (package vote, rule 6). A record with an error is dropped.
func (rs *Records) take(out *Change, r readRecord, linked []identity.Key) error {
	rec, ref := r.rec, r.ref
	out.Proposal = ref.Proposal
	_, had := rs.records[ref]
	rs.records[ref] = rec // before the ledger adopts or drops it
	var res vote.Result
	var err error
	switch ref.Kind {
	case vote.RefProposal:
		res, err = rs.AddProposal(r.proposal)
	case vote.RefBallot:
		res, err = rs.AddBallot(vote.Ballot{Proposal: ref.Proposal, Voter: ref.By, Choice: ref.Choice, Size: size(rec)})
	case vote.RefCancel:
		res, err = rs.AddCancel(vote.Cancel{Proposal: ref.Proposal, By: ref.By, Size: size(rec)})
	}
	if res.Verdict == vote.Accepted {
		out.Accepted = append(out.Accepted, rec)
	}
	if res.Verdict == vote.Refused && !had {
		delete(rs.records, ref)
	}
	rs.follow(out, ref, res)
	if ref.Kind == vote.RefProposal && res.Verdict == vote.Accepted {
		rs.judge(out, &r.proposal, linked)
	}
	out.Policy = rs.derive() || out.Policy
	return err
}

// follow updates the stored records after a change of the ledger.
func (rs *Records) follow(out *Change, ref vote.Ref, res vote.Result) {
	for _, r := range res.Adopted {
		if rec := rs.records[r]; rec != nil {
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
		for _, e := range rs.Evidence() {
			if e.Proposal == ref.Proposal && (ref.Kind == vote.RefProposal || e.Voter == ref.By) {
				out.Equivocator = e.Voter
				break
			}
		}
	}
}

// judge disputes a proposal that leaves voters out (package vote, rule 6). Only its arrival can do that.
func (rs *Records) judge(out *Change, p *vote.Proposal, linked []identity.Key) {
	if out.LeftOut = p.ListLeftOut(rs.self.Key(), linked); len(out.LeftOut) > 0 {
		rs.disputes[p.ID] = struct{}{}
	}
}

// derive computes the policy and reports whether it changed.
func (rs *Records) derive() bool {
	p := rs.Ledger.Policy(rs.disputes)
	changed := p.SecureOnly != rs.policy.SecureOnly || p.By != rs.policy.By ||
		p.Topic != rs.policy.Topic || p.TopicBy != rs.policy.TopicBy
	rs.policy = p
	return changed
}

// readRecord is a vote record and its decoded data.
type readRecord struct {
	rec      *record.Record
	ref      vote.Ref
	proposal vote.Proposal // only of a proposal record
}

// read checks a record's room and form and decodes it.
func read(rec *record.Record, room record.RoomID) (readRecord, error) {
	body := rec.Body()
	if body.Room != room {
		return readRecord{}, fmt.Errorf("vote %w", record.ErrOtherRoom)
	}
	if body.Feed != 0 || body.Seq != 0 || body.Prev != (record.ID{}) {
		return readRecord{}, ErrForm
	}
	if rec.Kind() != record.KindProposal && body.Time != (record.Time{}) {
		return readRecord{}, ErrForm
	}
	switch rec.Kind() {
	case record.KindProposal:
		p, err := vote.DecodeProposal(body.Data)
		p.ID, p.Author, p.Time, p.Size = vote.ID(rec.ID()), rec.Author(), body.Time.Ms, size(rec)
		return readRecord{rec, p.Ref(), p}, err
	case record.KindBallot:
		v, err := vote.DecodeBallot(body.Data)
		v.Voter = rec.Author()
		return readRecord{rec: rec, ref: v.Ref()}, err
	case record.KindCancel:
		c, err := vote.DecodeCancel(body.Data)
		c.By = rec.Author()
		return readRecord{rec: rec, ref: c.Ref()}, err
	}
	return readRecord{}, fmt.Errorf("%w: kind %.32q", ErrForm, rec.Kind())
}

// size returns what a record counts for in the bounds of package vote, rule 11.
func size(rec *record.Record) int { return len(rec.Signed()) + 64 }

// sign signs a vote record of the local identity.
func (rs *Records) sign(kind record.Kind, ms int64, data json.RawMessage) (*record.Record, error) {
	return record.Sign(rs.self, record.Body{Room: rs.room, Time: record.Time{Ms: ms}, Kind: kind, Data: data})
}

// errOff says why an OFF can't be disputed (package vote, rule 6).
var errOff = errors.New("secure-only off is judged by the records alone: it can't be refused or accepted")

// Policy returns the policy of this client.
func (rs *Records) Policy() vote.Policy { return rs.policy }

// SecureOnly reports whether unsigned messages are refused here, and the label of the proposal behind that.
// It may be called from any goroutine, under any lock.
func (rs *Records) SecureOnly() (label string, on bool) {
	if l := rs.secureOnly.Load(); l != nil {
		return *l, true
	}
	return "", false
}

// publish has SecureOnly return what holds now, once a batch of records is taken.
func (rs *Records) publish() {
	var label *string
	if rs.policy.SecureOnly {
		text := rs.Label(rs.policy.By)
		label = &text
	}
	rs.secureOnly.Store(label)
}

// SetDisputed changes the dispute set, which the caller saves, and reports whether the policy changed.
func (rs *Records) SetDisputed(id vote.ID, on bool) (changed bool, err error) {
	v, ok := rs.Ledger.View(id)
	switch {
	case !ok:
		return false, vote.ErrNoProposal
	case v.Proposal.IsOff():
		return false, errOff
	case on:
		rs.disputes[id] = struct{}{}
	default:
		delete(rs.disputes, id)
	}
	changed = rs.derive()
	rs.publish()
	return changed, nil
}

// Restore fills empty records from disk, disputes nothing anew, and returns how many records were refused.
func (rs *Records) Restore(recs []*record.Record, disputes []vote.ID) (refused int) {
	for _, id := range disputes {
		rs.disputes[id] = struct{}{}
	}
	_, refused = rs.AcceptAll(recs, nil)
	return refused
}

// View returns a proposal's current state and its word on the screen at now (ms since 1970).
func (rs *Records) View(id vote.ID, now int64) (vote.View, vote.Status, bool) {
	v, ok := rs.Ledger.View(id)
	if !ok {
		return v, "", false
	}
	return v, v.Status(rs.disputes, now), true
}

// Hash returns 16 hex digits of the ledger's hash: half of a room's frontier hash (package vote, rule 10).
func (rs *Records) Hash() string {
	h := rs.Ledger.Hash()
	return hex.EncodeToString(h[:8])
}

// ListRequested returns the records for a request, passed proposals first, each before its ballots.
func (rs *Records) ListRequested(asked vote.Map) []*record.Record {
	var out []*record.Record
	for _, ref := range rs.Ledger.ListRequested(asked) {
		if rec := rs.records[ref]; rec != nil {
			out = append(out, rec)
		}
	}
	return out
}

// AcceptAll adds verified records of any peer, of an answer to ListMissing, or from disk. It adds a
// proposal together with its approvals if these pass it. So the author's other, undecided proposals
// can't push out a decided one (package vote, rule 11).
//
// linked are the native peers with a link for vote.DisputeAfter or more (package vote, rule 6). It
// returns a Change for each proposal that changed, and how many records were refused.
func (rs *Records) AcceptAll(recs []*record.Record, linked []identity.Key) (outs []Change, refused int) {
	// Each record is read once and found by its proposal: a room may hold tens of thousands.
	var all []readRecord
	about := map[vote.ID][]readRecord{}
	for _, rec := range recs {
		r, err := read(rec, rs.room)
		if err != nil {
			refused++
			continue
		}
		all = append(all, r)
		about[r.ref.Proposal] = append(about[r.ref.Proposal], r)
	}
	for _, h := range all {
		id := h.ref.Proposal
		if h.ref.Kind != vote.RefProposal || rs.State(id) != vote.Unknown {
			continue
		}
		c := certify(h.proposal, about[id])
		if c.Check() != nil {
			continue
		}
		if out, err := rs.acceptCertificate(c, about[id], linked); err != nil {
			refused++
		} else if len(out.Accepted) > 0 {
			outs = append(outs, out)
		}
	}
	for _, h := range all {
		var out Change
		if rs.take(&out, h, linked) != nil {
			refused++
		} else if len(out.Accepted) > 0 || len(out.Dropped) > 0 {
			outs = append(outs, out)
		}
	}
	rs.publish()
	return outs, refused
}

// acceptCertificate adds an unknown proposal with the approvals that pass it. about holds all records about it.
func (rs *Records) acceptCertificate(c vote.Certificate, about []readRecord, linked []identity.Key) (Change, error) {
	out := Change{Proposal: c.Proposal.ID}
	for _, h := range about {
		if rs.records[h.ref] == nil {
			rs.records[h.ref] = h.rec
		}
	}
	res, err := rs.AddCertificate(c)
	if err != nil {
		if rs.State(out.Proposal) == vote.Unknown {
			maps.DeleteFunc(rs.records, func(ref vote.Ref, _ *record.Record) bool { return ref.Proposal == out.Proposal })
		}
		return out, err
	}
	rs.follow(&out, c.Proposal.Ref(), res)
	rs.judge(&out, &c.Proposal, linked)
	out.Policy = rs.derive()
	return out, nil
}

// certify makes a certificate of p from the approvals among the records about it.
func certify(p vote.Proposal, about []readRecord) vote.Certificate {
	approve := map[identity.Key]int{}
	for _, h := range about {
		if h.ref.Kind == vote.RefBallot && h.ref.Choice == vote.Approve {
			approve[h.ref.By] = size(h.rec)
		}
	}
	c := vote.Certificate{Proposal: p}
	for _, key := range p.Roll {
		if n, yes := approve[key]; yes {
			c.Ballots = append(c.Ballots, vote.Ballot{Proposal: p.ID, Voter: key, Choice: vote.Approve, Size: n})
		}
	}
	return c
}
