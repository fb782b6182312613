package vote_test

import (
	"cmp"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

// signed is a vote record in the simulation, where a signature is simply known: who made it, and
// for which proposal.
type signed struct {
	proposal *vote.Proposal // one of the three
	ballot   *vote.Ballot
	cancel   *vote.Cancel
	by       identity.Key
	about    vote.ID
	forged   bool // an attacker's: no one passes it on
}

func (s *signed) ref() vote.Ref {
	switch {
	case s.proposal != nil:
		return s.proposal.Ref()
	case s.ballot != nil:
		return s.ballot.Ref()
	}
	return s.cancel.Ref()
}

// verifies stands in for the record layer: it binds author and content.
func (s *signed) verifies() bool {
	switch {
	case s.proposal != nil:
		return s.by == s.proposal.Author && s.about == s.proposal.ID
	case s.ballot != nil:
		return s.by == s.ballot.Voter && s.about == s.ballot.Proposal
	}
	return s.by == s.cancel.By && s.about == s.cancel.Proposal
}

// machine is what the simulation asks of a vote package: the real one, or a model with the rules
// right or broken.
type machine interface {
	add(*signed)
	state(vote.ID) vote.State
	policy(vote.Disputes) vote.Policy
	evidence() []vote.Evidence
	need(slot vote.Slot, action string, n int) int
	base(vote.Slot, vote.Disputes) vote.ID
	toEnd(vote.Disputes) []vote.ID
}

// real is package vote behind a record layer.
type real struct{ *vote.Ledger }

func newReal() machine { return real{vote.NewLedger()} }

func (r real) add(s *signed) {
	switch {
	case !s.verifies():
	case s.proposal != nil:
		r.AddProposal(*s.proposal)
	case s.ballot != nil:
		r.AddBallot(*s.ballot)
	default:
		r.AddCancel(*s.cancel)
	}
}

func (r real) state(id vote.ID) vote.State           { return r.State(id) }
func (r real) policy(d vote.Disputes) vote.Policy    { return r.Policy(d) }
func (r real) evidence() []vote.Evidence             { return r.Evidence() }
func (r real) need(s vote.Slot, a string, n int) int { return vote.Threshold(s, a, n) }
func (r real) toEnd(d vote.Disputes) []vote.ID       { return r.UnendedONs(d) }
func (r real) base(s vote.Slot, _ vote.Disputes) vote.ID {
	if s == vote.Topic {
		return r.TopicBase()
	}
	return vote.ID{}
}

// rules are those of package vote, each a function that a test can replace by a broken one.
type rules struct {
	majority func(n int) int
	verifies func(*signed) bool
	voter    func(p *vote.Proposal, k identity.Key) bool // whose ballots on p count
	yes      func(approved, rejected bool) bool
	ends     func(m *model, off, on *vote.Proposal) bool
	secure   func(m *model, d vote.Disputes) vote.Policy
	based    bool                                  // secure-only has a base
	disputes func(w *world, p *peer) vote.Disputes // what counts as p's dispute set now
}

func rightRules() rules {
	return rules{
		majority: func(n int) int { return n/2 + 1 },
		verifies: (*signed).verifies,
		voter:    func(p *vote.Proposal, k identity.Key) bool { return slices.Contains(p.Roll, k) },
		yes:      func(approved, _ bool) bool { return approved },
		ends: func(m *model, off, on *vote.Proposal) bool {
			n := 0
			for k := range m.yes(off) {
				if m.voter(on, k) {
					n++
				}
			}
			return n >= m.majority(len(on.Roll))
		},
		secure:   (*model).switches,
		disputes: func(_ *world, p *peer) vote.Disputes { return p.disputes },
	}
}

// model is the rules written down a second time, as slowly and plainly as they can be: it keeps
// records and works out everything from scratch whenever it is asked.
type model struct {
	rules
	proposals map[vote.ID]*vote.Proposal
	ballots   map[vote.ID]map[vote.Ref]struct{} // by proposal
	cancels   map[vote.Ref]struct{}
}

func newModel(r rules) machine {
	return &model{r, map[vote.ID]*vote.Proposal{}, map[vote.ID]map[vote.Ref]struct{}{}, map[vote.Ref]struct{}{}}
}

func (m *model) add(s *signed) {
	switch {
	case !m.verifies(s):
	case s.proposal != nil:
		if m.valid(s.proposal) {
			m.proposals[s.proposal.ID] = s.proposal
		}
	case s.ballot != nil:
		of := m.ballots[s.ballot.Proposal]
		if of == nil {
			of = map[vote.Ref]struct{}{}
			m.ballots[s.ballot.Proposal] = of
		}
		of[s.ref()] = struct{}{}
	default:
		m.cancels[s.ref()] = struct{}{}
	}
}

func (m *model) need(slot vote.Slot, action string, n int) int {
	if slot == vote.SecureOnly && action == vote.Off {
		return max(m.majority(n), (2*n+2)/3)
	}
	return m.majority(n)
}

// valid does what vote.Validate does, with the model's own need and base.
func (m *model) valid(p *vote.Proposal) bool {
	q := *p
	q.Need = len(p.Roll)
	if m.based && p.Slot == vote.SecureOnly {
		q.Base = vote.ID{}
	}
	return vote.Validate(&q) == nil && p.Need >= m.need(p.Slot, p.Action, len(p.Roll)) && p.Need <= len(p.Roll)
}

func (m *model) said(p *vote.Proposal, k identity.Key, c vote.Choice) bool {
	_, is := m.ballots[p.ID][vote.Ballot{Proposal: p.ID, Voter: k, Choice: c}.Ref()]
	return is
}

func (m *model) yes(p *vote.Proposal) map[identity.Key]bool {
	out := map[identity.Key]bool{}
	for ref := range m.ballots[p.ID] {
		if m.voter(p, ref.By) && m.rules.yes(m.said(p, ref.By, vote.Approve), m.said(p, ref.By, vote.Reject)) {
			out[ref.By] = true
		}
	}
	return out
}

func (m *model) state(id vote.ID) vote.State {
	p := m.proposals[id]
	if p == nil {
		return vote.Unknown
	}
	yes, no := m.yes(p), map[identity.Key]bool{}
	for ref := range m.ballots[id] {
		if ref.Choice == vote.Reject && m.voter(p, ref.By) && !yes[ref.By] {
			no[ref.By] = true
		}
	}
	_, cancelled := m.cancels[vote.Cancel{Proposal: id, By: p.Author}.Ref()]
	switch {
	case len(yes) >= p.Need:
		return vote.Passed
	case len(no) > len(p.Roll)-p.Need:
		return vote.Rejected
	case cancelled:
		return vote.Cancelled
	}
	return vote.Open
}

func (m *model) evidence() []vote.Evidence {
	var out []vote.Evidence
	for id, p := range m.proposals {
		for _, k := range p.Roll {
			if m.said(p, k, vote.Approve) && m.said(p, k, vote.Reject) {
				out = append(out, vote.Evidence{Proposal: id, Voter: k})
			}
		}
	}
	slices.SortFunc(out, func(x, y vote.Evidence) int {
		return cmp.Or(x.Proposal.Compare(y.Proposal), x.Voter.Compare(y.Voter))
	})
	return out
}

// passed returns the passed proposals that pick accepts, by number, then id.
func (m *model) passed(pick func(*vote.Proposal) bool) []*vote.Proposal {
	var out []*vote.Proposal
	for id, p := range m.proposals {
		if pick(p) && m.state(id) == vote.Passed {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(x, y *vote.Proposal) int {
		return cmp.Or(cmp.Compare(x.Number, y.Number), x.ID.Compare(y.ID))
	})
	return out
}

func (m *model) endedBy(on *vote.Proposal) []*vote.Proposal {
	return m.passed(func(off *vote.Proposal) bool {
		return off.IsOff() && slices.Contains(off.Ends, on.ID) && m.ends(m, off, on)
	})
}

// switches applies rule 5.
func (m *model) switches(d vote.Disputes) vote.Policy {
	var p vote.Policy
	var offs []*vote.Proposal
	for _, on := range m.passed((*vote.Proposal).IsOn) {
		if d.Has(on.ID) {
			continue
		}
		if by := m.endedBy(on); len(by) > 0 {
			offs = append(offs, by[len(by)-1])
		} else {
			p.Standing, p.By, p.SecureOnly = append(p.Standing, on.ID), on.ID, true
		}
	}
	if !p.SecureOnly && len(offs) > 0 {
		p.By = slices.MaxFunc(offs, func(x, y *vote.Proposal) int {
			return cmp.Or(cmp.Compare(x.Number, y.Number), x.ID.Compare(y.ID))
		}).ID
	}
	return p
}

func (m *model) depth(id vote.ID) int {
	p := m.proposals[id]
	if p == nil || p.Slot != vote.Topic || m.state(id) != vote.Passed {
		return 0
	}
	return 1 + m.depth(p.Base)
}

// topics returns the passed topics, the deepest first, then the lower id.
func (m *model) topics() []*vote.Proposal {
	out := m.passed(func(p *vote.Proposal) bool { return p.Slot == vote.Topic })
	slices.SortFunc(out, func(x, y *vote.Proposal) int {
		return cmp.Or(cmp.Compare(m.depth(y.ID), m.depth(x.ID)), x.ID.Compare(y.ID))
	})
	return out
}

func (m *model) policy(d vote.Disputes) vote.Policy {
	p := m.secure(m, d)
	for _, t := range m.topics() {
		if !d.Has(t.ID) {
			p.Topic, p.TopicBy = t.Action, t.ID
			break
		}
	}
	return p
}

func (m *model) base(slot vote.Slot, d vote.Disputes) vote.ID {
	if slot == vote.Topic {
		if t := m.topics(); len(t) > 0 {
			return t[0].ID
		}
	} else if m.based {
		return m.policy(d).By
	}
	return vote.ID{}
}

func (m *model) toEnd(vote.Disputes) []vote.ID {
	var out []vote.ID
	for _, on := range m.passed((*vote.Proposal).IsOn) {
		if len(m.endedBy(on)) == 0 {
			out = append(out, on.ID)
		}
	}
	slices.SortFunc(out, vote.ID.Compare)
	return slices.Clip(out)
}

// chain is a broken policy: it walks `base` from zero.
func (m *model) chain(d vote.Disputes) vote.Policy {
	var p vote.Policy
	all := m.passed(func(p *vote.Proposal) bool { return p.Slot == vote.SecureOnly })
	slices.SortFunc(all, func(x, y *vote.Proposal) int { return x.ID.Compare(y.ID) })
	walked := map[vote.ID]bool{}
	for {
		i := slices.IndexFunc(all, func(q *vote.Proposal) bool {
			return q.Base == p.By && !d.Has(q.ID) && !walked[q.ID]
		})
		if i < 0 {
			return p
		}
		walked[all[i].ID] = true
		p.By, p.SecureOnly, p.Standing = all[i].ID, all[i].IsOn(), nil
		if p.SecureOnly {
			p.Standing = []vote.ID{p.By}
		}
	}
}
