package lines

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// The objects of votes in JSON mode.
type (
	jsonVoter struct {
		ID     string `json:"id,omitempty"`
		Key    string `json:"key"`
		Name   string `json:"name,omitempty"`
		Choice string `json:"choice,omitempty"`
	}
	jsonProposal struct {
		Event   string      `json:"event,omitempty"` // absent inside proposals
		Number  int         `json:"number"`
		Label   string      `json:"label"`
		ID      string      `json:"id"`
		Slot    vote.Slot   `json:"slot"`
		Action  string      `json:"action"`
		Note    string      `json:"note,omitempty"`
		State   vote.Status `json:"state"`
		By      jsonVoter   `json:"by"`
		Yes     int         `json:"yes"`
		No      int         `json:"no"`
		Need    int         `json:"need"`
		Of      int         `json:"of"`
		Missing []jsonVoter `json:"missing"`
		LeftOut []jsonVoter `json:"left_out,omitempty"`
		Closes  int64       `json:"closes"`
		Mine    string      `json:"mine,omitempty"`
		CanVote bool        `json:"can_vote,omitempty"`
		Idle    bool        `json:"idle,omitempty"`
		History bool        `json:"history,omitempty"`
	}
	jsonBallot struct {
		Event   string    `json:"event"`
		Number  int       `json:"number"`
		Label   string    `json:"label"`
		ID      string    `json:"id"` // the proposal's
		By      jsonVoter `json:"by"`
		Choice  string    `json:"choice"`
		Twice   bool      `json:"twice,omitempty"`
		History bool      `json:"history,omitempty"`
	}
	jsonPolicy struct {
		Event  string      `json:"event,omitempty"`
		Slot   vote.Slot   `json:"slot"`
		Value  string      `json:"value"`
		Number int         `json:"number,omitempty"`
		Label  string      `json:"label,omitempty"`
		Signed []jsonVoter `json:"signed,omitempty"`
	}
	jsonProposals struct {
		Event     string         `json:"event"`
		Proposals []jsonProposal `json:"proposals"`
		Policy    []jsonPolicy   `json:"policy"`
	}
	jsonDiffers struct {
		Event string `json:"event"`
		Peer  string `json:"peer"`
		Value string `json:"value"`
		Label string `json:"label,omitempty"`
	}
	jsonGate struct {
		Event string `json:"event"`
		Open  bool   `json:"open"`
		Text  string `json:"text,omitempty"`
	}
)

// vote writes the events of votes.
func (v *jsonView) vote(ev event.Event) {
	switch ev := ev.(type) {
	case event.ProposalChanged:
		p := proposalObject(ev.Proposal)
		p.Event, p.History = "proposal", ev.History
		v.put(p)
	case event.BallotCast:
		p := ev.Proposal
		v.put(jsonBallot{"ballot", p.Number, p.Label, p.ID, voterObject(ev.By), choiceWord(ev.Choice), ev.Twice, ev.History})
	case event.PolicyChanged:
		for _, p := range policyObjects(ev.Policy) {
			p.Event = "policy"
			v.put(p)
		}
	case event.Differs:
		v.put(jsonDiffers{"differs", ev.Peer.ID, wording.OnOff(ev.SecureOnly), ev.Label})
	case event.Gate:
		v.put(jsonGate{"gate", ev.Open, ev.Reason})
	}
}

func policyObjects(p event.Policy) []jsonPolicy {
	out := []jsonPolicy{{Slot: vote.SecureOnly, Value: wording.OnOff(p.SecureOnly), Number: p.Number, Label: p.Label}}
	if len(p.Signed) > 0 {
		out[0].Signed = voterObjects(p.Signed)
	}
	if p.Topic != "" {
		out = append(out, jsonPolicy{Slot: vote.Topic, Value: p.Topic, Label: p.TopicLabel})
	}
	return out
}

// choiceWord returns the word of a ballot in JSON, "" while none is known.
func choiceWord(c vote.Choice) string {
	if c == vote.None {
		return ""
	}
	return c.String()
}

func voterObject(w event.Voter) jsonVoter {
	return jsonVoter{w.ID, w.Key.String(), w.Name, choiceWord(w.Choice)}
}

func voterObjects(vs []event.Voter) []jsonVoter {
	out := make([]jsonVoter, len(vs))
	for i, w := range vs {
		out[i] = voterObject(w)
	}
	return out
}

func proposalObject(p event.Proposal) jsonProposal {
	return jsonProposal{Number: p.Number, Label: p.Label, ID: p.ID, Slot: p.Slot, Action: p.Action, Note: p.Note,
		State: p.State, By: voterObject(p.By), Yes: p.Yes, No: p.No, Need: p.Need, Of: p.Of(),
		Missing: voterObjects(p.Missing()), LeftOut: voterObjects(p.LeftOut), Closes: millis(p.Closes), Mine: choiceWord(p.Mine), CanVote: p.CanVote, Idle: p.Idle}
}

func proposalsObject(a command.Proposals) jsonProposals {
	o := jsonProposals{"proposals", make([]jsonProposal, len(a.Proposals)), policyObjects(a.Policy)}
	for i, p := range a.Proposals {
		o.Proposals[i] = proposalObject(p)
	}
	return o
}
