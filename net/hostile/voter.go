package hostile

import (
	"encoding/json"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// Propose signs a proposal for a topic, with any number and any voters; the author is added.
func (a *Author) Propose(topic string, number uint64, voters ...identity.Key) *record.Record {
	at := a.Stamp()
	p := vote.Proposal{
		Number: number, Slot: vote.Topic, Action: topic, Roll: vote.NewRoll(append(voters, a.id.Key())...),
		Closes: at.Ms + vote.DefaultDuration.Milliseconds(),
	}
	p.Need = vote.Threshold(p.Slot, p.Action, len(p.Roll))
	data, err := vote.EncodeProposal(&p)
	return a.signVote(record.KindProposal, at, data, err)
}

// Vote signs a ballot, also a second one for the same proposal.
func (a *Author) Vote(proposal record.ID, choice vote.Choice) *record.Record {
	data, err := vote.EncodeBallot(vote.Ballot{Proposal: vote.ID(proposal), Choice: choice})
	return a.signVote(record.KindBallot, a.Stamp(), data, err)
}

// signVote signs a record outside any feed. It panics as sign does.
func (a *Author) signVote(kind record.Kind, at record.Time, data json.RawMessage, err error) *record.Record {
	if err == nil {
		var rec *record.Record
		if rec, err = record.Sign(a.id, record.Body{Room: a.room, Time: at, Kind: kind, Data: data}); err == nil {
			return rec
		}
	}
	panic(err)
}
