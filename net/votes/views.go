package votes

import (
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// voterLocked returns a key as a voter.
func (v *Votes) voterLocked(key identity.Key, choice vote.Choice) event.Voter {
	name, here := v.cfg.Host.NameOf(key)
	return event.Voter{Key: key, ID: key.ID().String(), Name: name, Choice: choice, Here: here}
}

func (v *Votes) votersLocked(keys []identity.Key) []event.Voter {
	out := make([]event.Voter, len(keys))
	for i, k := range keys {
		out[i] = v.voterLocked(k, vote.None)
	}
	return out
}

// draftLocked returns a proposal without its ballots.
func (v *Votes) draftLocked(p *vote.Proposal) event.Proposal {
	out := event.Proposal{
		Number: int(p.Number), Label: fmt.Sprintf("#%d", p.Number), Slot: p.Slot, Action: p.Action, Note: p.Note,
		By: v.voterLocked(p.Author, vote.None), State: vote.StatusOpen, Need: p.Need,
		Time: time.UnixMilli(p.Time), Closes: time.UnixMilli(p.Closes), Roll: v.votersLocked(p.Roll),
	}
	for _, e := range v.records.Endings(p) {
		out.Ends = append(out.Ends, event.Ending{Label: v.records.Label(e.On), Need: e.Need, Have: e.Have, Whose: v.votersLocked(e.Whose)})
	}
	return out
}

// proposalLocked returns a proposal as it stands.
func (v *Votes) proposalLocked(id vote.ID) event.Proposal {
	now := time.Now().UnixMilli()
	view, status, ok := v.records.View(id, now)
	if !ok {
		return event.Proposal{ID: id.String()}
	}
	out := v.draftLocked(view.Proposal)
	out.ID, out.Label, out.State = id.String(), view.Label, status
	out.Yes, out.No = view.Tally.Yes, view.Tally.No
	self := v.cfg.Self.Key()
	for i, c := range view.Choices {
		out.Roll[i].Choice = c
		if out.Roll[i].Key == self {
			out.Mine = c
			out.CanVote = c == vote.None && now < view.Proposal.Closes && (view.Tally.State == vote.Open || canStillEndOne(out, self))
		}
	}
	out.LeftOut = v.votersLocked(v.leftOut[id])
	if status == vote.StatusPassed {
		p := v.records.Policy()
		out.Idle = view.Proposal.Slot == vote.Topic && p.TopicBy != id || view.Proposal.IsOff() && p.SecureOnly
	}
	return out
}

// canStillEndOne reports whether a vote for secure-only off has passed and, with the key's approval,
// can still end a vote that it names. The key is then asked on (see package vote).
func canStillEndOne(p event.Proposal, key identity.Key) bool {
	return p.State == vote.StatusPassed && slices.ContainsFunc(p.Ends, func(e event.Ending) bool {
		return e.Have < e.Need && e.Need <= len(e.Whose) &&
			slices.ContainsFunc(e.Whose, func(w event.Voter) bool { return w.Key == key })
	})
}

// postProposalLocked posts a proposal that is new or changed, with its view p, and others whose labels a new
// one changes.
func (v *Votes) postProposalLocked(id vote.ID, p event.Proposal, history bool) {
	was, known := v.shown[id]
	v.shown[id] = p.State
	v.cfg.Events.Post(event.ProposalChanged{Scope: v.scope, Proposal: p, Was: was, History: history})
	if known {
		return
	}
	for other, state := range v.shown {
		if other == id {
			continue
		}
		if view, _, ok := v.records.View(other, 0); ok && int(view.Proposal.Number) == p.Number {
			v.cfg.Events.Post(event.ProposalChanged{Scope: v.scope, Proposal: v.proposalLocked(other), Was: state, History: true})
		}
	}
}

// postChangedLocked posts proposals whose status the clock, a dispute or another proposal changed.
func (v *Votes) postChangedLocked(history bool) {
	now := time.Now().UnixMilli()
	for id, was := range v.shown {
		_, status, ok := v.records.View(id, now)
		switch {
		case !ok:
			delete(v.shown, id)
			delete(v.leftOut, id)
		case status != was:
			v.postProposalLocked(id, v.proposalLocked(id), history)
		}
	}
}

// PostLoadedLocked posts the proposals that were on disk.
func (v *Votes) PostLoadedLocked() {
	for _, id := range v.records.Proposals() {
		v.postProposalLocked(id, v.proposalLocked(id), true)
	}
}

// Proposals returns all known proposals, by number.
func (v *Votes) Proposals() []event.Proposal {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	ids := v.records.Proposals()
	out := make([]event.Proposal, len(ids))
	for i, id := range ids {
		out[i] = v.proposalLocked(id)
	}
	return out
}

// proposal returns a proposal as it stands.
func (v *Votes) proposal(id vote.ID) event.Proposal {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	return v.proposalLocked(id)
}
