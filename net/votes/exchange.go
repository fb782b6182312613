package votes

import (
	"math/bits"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Bounds of the exchange.
const (
	PageVotes    = 200 // proposals in a Frontier or a Want frame
	AnswerFrames = 8   // Records frames that a Want asks for: what a link's sync queue holds
	maxHeld      = 50_000
	// firstQuestion is where the numbers of questions for votes begin. Those for feeds are below.
	firstQuestion = 1 << 32
)

// Session is what belongs to one peer's link.
type Session struct {
	key      identity.Key
	policy   *wire.Policy     // as its Hello says; nil: it says none
	differs  [2]wire.Policy   // theirs and ours when it was last reported that they differ
	page     vote.Map         // a frontier that is not complete
	theirs   vote.Map         // what the peer holds, while it is asked for some of it
	few      bool             // theirs isn't all that the peer holds
	missing  int              // how much of that was missing when the peer was last asked
	answered []*record.Record // an answer that is not complete
	frames   int              // frames of that answer
}

// LinkUpLocked begins a peer's session. theirs is the policy in its Hello.
func (v *Votes) LinkUpLocked(key identity.Key, theirs *wire.Policy) *Session {
	s := &Session{key: key, policy: theirs}
	if v.waiting.IsZero() {
		v.waiting = time.Now()
	}
	if theirs == nil || theirs.Votes == v.records.Hash() {
		v.onLevelLocked(s)
	}
	return s
}

// TakeLocked takes vote records that a peer sent as they were made, or with history by catching up.
func (v *Votes) TakeLocked(from identity.Key, recs []*record.Record, history bool) {
	outs, refused := v.records.AcceptAll(recs, v.cfg.Host.ListLongLinked())
	for range refused {
		v.cfg.Host.Refuse(from, "vote record that counts nowhere")
	}
	for _, out := range outs {
		v.applyLocked(out, from, history)
	}
}

// HeldLocked returns what is held, as frontiers say it.
func (v *Votes) HeldLocked() []wire.HeldVotes { return toWire(v.records.Map()) }

func toWire(m vote.Map) []wire.HeldVotes {
	out := make([]wire.HeldVotes, len(m))
	for i, h := range m {
		out[i] = wire.HeldVotes{Proposal: h.Proposal.String(), Bits: h.Bits}
	}
	return out
}

func fromWire(held []wire.HeldVotes) (m vote.Map, ok bool) {
	for _, h := range held {
		id, err := vote.ParseID(h.Proposal)
		if err != nil || len(h.Bits) > (2*vote.MaxRoll+8)/8 {
			return nil, false
		}
		m = append(m, vote.MapEntry{Proposal: id, Bits: h.Bits})
	}
	return m, true
}

// TakePageLocked collects the votes on a page of a peer's frontier. first says that the page begins a new frontier.
func (v *Votes) TakePageLocked(s *Session, held []wire.HeldVotes, first bool) {
	if first {
		s.page = nil
	}
	m, ok := fromWire(held)
	if !ok || len(s.page)+len(m) > maxHeld {
		v.cfg.Host.Refuse(s.key, "malformed frontier")
		return
	}
	s.page = append(s.page, m...)
}

// EndPagesLocked ends a peer's frontier: what it names and is missing here is asked for.
func (v *Votes) EndPagesLocked(s *Session) {
	s.theirs, s.page, s.few, s.missing = s.page, nil, false, 0
	v.askLocked(s)
}

// askLocked asks a peer for the votes that are missing here, a page at a time, until an answer brings nothing.
func (v *Votes) askLocked(s *Session) {
	missing := v.records.ListMissing(s.theirs)
	if len(missing) == 0 {
		if s.theirs = nil; !s.few {
			v.onLevelLocked(s)
		}
		return
	}
	weight := 0
	for _, h := range missing {
		weight += 1 << 10
		for _, b := range h.Bits {
			weight -= bits.OnesCount8(b)
		}
	}
	if s.missing != 0 && weight >= s.missing {
		s.theirs = nil
		return
	}
	s.missing = weight
	v.asked++
	v.cfg.Host.Send(s.key, wire.Want{Room: v.cfg.Room.String(), N: firstQuestion + v.asked, Frames: AnswerFrames,
		Ranges: []wire.Range{}, Votes: toWire(missing[:min(len(missing), PageVotes)])})
}

// IsAnswer reports whether n is the number of a question for votes.
func IsAnswer(n uint64) bool { return n >= firstQuestion }

// TakeAnswerLocked takes a frame of an answer. The records of one answer are taken together, so that a
// decided proposal comes in whole (see package vote). No answer has more frames than were asked for,
// so one that goes on is not waited for.
func (v *Votes) TakeAnswerLocked(s *Session, recs []*record.Record, end bool) {
	s.answered = append(s.answered, recs...)
	if s.frames++; end || s.frames >= AnswerFrames {
		v.TakeLocked(s.key, s.answered, true)
		s.answered, s.frames = nil, 0
	}
	if end {
		v.askLocked(s)
	}
}

// ListRequestedLocked returns the records that a Want asks for, proposals that passed first.
func (v *Votes) ListRequestedLocked(held []wire.HeldVotes) []*record.Record {
	asked, ok := fromWire(held)
	if !ok || len(asked) == 0 {
		return nil
	}
	return v.records.ListRequested(asked)
}
