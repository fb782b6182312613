package votes

import (
	"errors"
	"maps"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// errOff says why an OFF can't be disputed (rule 6).
var errOff = errors.New("secure-only off is judged by the records alone: it can't be refused or accepted")

// Policy is what holds for this client.
func (b *Box) Policy() vote.Policy {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.policy
}

// Dispute puts a proposal into the dispute set or takes it out (/refuse, /accept), and reports
// whether the policy changed. The set belongs to the profile: see Disputes.
func (b *Box) Dispute(id vote.ID, on bool) (changed bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.book.View(id)
	switch {
	case !ok:
		return false, vote.ErrNoProposal
	case v.Proposal.IsOff():
		return false, errOff
	case on:
		b.disputes[id] = struct{}{}
	default:
		delete(b.disputes, id)
	}
	return b.derive(), nil
}

// Disputes is a copy of the dispute set.
func (b *Box) Disputes() vote.Disputes {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.disputes)
}

// Restore fills an empty box with what was kept: records that verify and the dispute set as it was.
// Nothing becomes disputed by it. It returns how many records were refused.
func (b *Box) Restore(recs []*record.Record, disputes []vote.ID) (refused int) {
	b.mu.Lock()
	for _, id := range disputes {
		b.disputes[id] = struct{}{}
	}
	b.mu.Unlock()
	_, refused = b.AcceptAll(recs, nil)
	return refused
}

// View is one proposal as it stands, with its word on the screen at now (ms since 1970).
func (b *Box) View(id vote.ID, now int64) (vote.View, vote.Status, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.book.View(id)
	if !ok {
		return v, "", false
	}
	return v, v.Status(b.disputes, now), true
}

// Proposals is the ids of all that are known, by number.
func (b *Box) Proposals() []vote.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Proposals()
}

// Prompts is what to ask one's own user about at now (ms since 1970), without what is disputed.
func (b *Box) Prompts(now int64) []vote.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Prompts(b.self.Key(), now)
}

// Find is the proposal that a person means by "#4", "4", "#4·7f" or the beginning of an id.
func (b *Box) Find(text string) (vote.ID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Find(text)
}

// Label is what people call a proposal; "" when it is not known.
func (b *Box) Label(id vote.ID) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Label(id)
}

// Choice is how somebody voted.
func (b *Box) Choice(id vote.ID, voter identity.Key) vote.Choice {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Choice(id, voter)
}

// Endings is how far an OFF has come with each ON that it names; for a draft, how far it has to go.
func (b *Box) Endings(off *vote.Proposal) []vote.Ending {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Endings(off)
}

// Evidence is every key that signed both an approval and a reject of one proposal.
func (b *Box) Evidence() []vote.Evidence {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Evidence()
}

// Records is all that is kept, in no order: for an export.
func (b *Box) Records() []*record.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*record.Record
	for ref, rec := range b.records {
		if b.book.State(ref.Proposal) != vote.Unknown {
			out = append(out, rec)
		}
	}
	return out
}
