package node

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Bounds of the exchange of votes.
const (
	maxVotes = 50_000 // lines kept of a peer's frontier
	// votesAsked is where the numbers of questions for votes begin: those for feeds are the planner's.
	votesAsked = 1 << 32
)

// hash is the frontier hash: half of it the feeds', half the votes' (VOTING.md rule 10).
func (n *Node) hash() string { return n.room.Hash() + n.box.Hash() }

// ballots takes vote records of a link: live ones, or an answer to a question. Called with mu held.
func (n *Node) ballots(l *link.Link, recs []*record.Record, history bool) {
	outs, refused := n.box.AcceptAll(recs, n.longLinked())
	for range refused {
		n.refuse(l, "vote record that counts nowhere")
	}
	for _, out := range outs {
		n.voted(out, l, history)
	}
}

// voted follows what vote records did: hands them on and tells the screen. from is nil for
// one's own. Called with mu held.
func (n *Node) voted(out votes.Outcome, from *link.Link, history bool) {
	n.keepVotes(out)
	if len(out.LeftOut) > 0 {
		n.leftOut[out.Proposal] = out.LeftOut
	}
	for _, r := range out.Accepted {
		if from == nil || !history {
			n.forward(r, from)
		} else {
			n.fresh[r.Author()] = true
		}
	}
	// A ballot is told before what came of it, but not before the proposal that it is about.
	_, known := n.shown[out.Proposal]
	if !known {
		n.state(out.Proposal, history)
	}
	for _, r := range out.Accepted {
		if r.Kind() == record.KindBallot {
			n.told(out, r, history)
		}
	}
	if known {
		n.state(out.Proposal, history)
	}
	if out.Evidence != nil {
		p := n.proposalOf(out.Proposal)
		n.events.Post(event.BallotCast{Proposal: p, By: n.voter(out.Evidence.Voter, vote.Both), Choice: vote.Reject, Twice: true, History: history})
	}
	if out.Policy {
		n.decided(history)
	}
}

// told posts a ballot that was counted.
func (n *Node) told(out votes.Outcome, r *record.Record, history bool) {
	b, err := vote.DecodeBallot(r.Body().Data)
	if err != nil {
		return // it was counted, so it decodes
	}
	n.events.Post(event.BallotCast{Proposal: n.proposalOf(out.Proposal), By: n.voter(r.Author(), b.Choice), Choice: b.Choice, History: history})
}

func votesOnWire(m vote.Map) []wire.HeldVotes {
	out := make([]wire.HeldVotes, len(m))
	for i, h := range m {
		out[i] = wire.HeldVotes{Proposal: h.Proposal.String(), Bits: h.Bits}
	}
	return out
}

// heardVotes collects the votes of a frontier's page.
func (n *Node) heardVotes(p *peer, lines []wire.HeldVotes) {
	m, bad := votesOffWire(lines)
	if bad || len(p.votesPage)+len(m) > maxVotes {
		n.refuse(p.link, "malformed frontier")
		return
	}
	p.votesPage = append(p.votesPage, m...)
}

func votesOffWire(lines []wire.HeldVotes) (m vote.Map, bad bool) {
	for _, v := range lines {
		id, err := vote.ParseID(v.Proposal)
		if err != nil || len(v.Bits) > (2*vote.MaxRoll+8)/8 {
			return nil, true
		}
		m = append(m, vote.MapEntry{Proposal: id, Bits: v.Bits})
	}
	return m, false
}

// heardAllVotes ends a frontier's pages: what it names and is lacking here is asked for.
func (n *Node) heardAllVotes(p *peer) {
	p.votes, p.votesPage = p.votesPage, nil
	p.lacked = 0
	n.askVotes(p)
}

// askVotes asks a peer for the votes that it has and that are lacking here, a page at a time, until an
// answer brings nothing: whoever names what he doesn't give isn't asked again.
func (n *Node) askVotes(p *peer) {
	lacking := n.box.ListMissing(p.votes)
	if len(lacking) == 0 {
		p.votes = nil
		n.level(p)
		return
	}
	weight := 0
	for _, h := range lacking {
		weight += 1 << 10
		for _, b := range h.Bits {
			for ; b != 0; b &= b - 1 {
				weight--
			}
		}
	}
	if p.lacked != 0 && weight >= p.lacked {
		p.votes = nil
		return
	}
	p.lacked = weight
	n.asked++
	n.send(p.link, wire.Want{Room: n.room.ID().String(), N: votesAsked + n.asked, Frames: wantFrames, Ranges: []wire.Range{},
		Votes: votesOnWire(lacking[:min(len(lacking), pageVotes)])})
}

// votesOf takes the vote records out of a Records frame. Those of one answer are taken together, so
// that what is decided comes in whole (VOTING.md rule 11).
func (n *Node) votesOf(l *link.Link, m wire.Records, rs []*record.Record) (rest []*record.Record) {
	p := n.up(l)
	for _, r := range rs {
		if !votes.IsVoteRecord(r) {
			rest = append(rest, r)
		} else if p != nil && m.N >= votesAsked {
			p.answered = append(p.answered, r)
		}
	}
	if p == nil || m.N < votesAsked {
		return rest
	}
	// No answer has more frames than were asked for: one that goes on is not waited for.
	if p.frames++; m.End || p.frames >= wantFrames {
		n.ballots(l, p.answered, true)
		p.answered, p.frames = nil, 0
	}
	if m.End {
		n.askVotes(p)
		n.caughtUp(p)
	}
	return rest
}
