package votes

import (
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Host is what Votes asks of the room around it. Its methods are called under Config.Lock.
type Host interface {
	// Forward sends a vote record to the linked peers that may lack it, at once, or with history when
	// catching up has ended. from is the peer that it came from, the zero key for a local one.
	Forward(r *record.Record, from identity.Key, history bool)
	// Send queues a message to a linked peer.
	Send(to identity.Key, m wire.Message)
	// Refuse counts something that a peer sent and that was not taken.
	Refuse(from identity.Key, reason string)
	// ListVoters returns the keys that may vote on a proposal that is made now, the local one first.
	ListVoters() []identity.Key
	// ListLongLinked returns the peers that have been linked for vote.DisputeAfter or longer.
	ListLongLinked() []identity.Key
	// NameOf returns what a key is called, and whether it is here now.
	NameOf(key identity.Key) (name string, here bool)
	// Peer returns a peer as it is now, and whether it is known.
	Peer(key identity.Key) (event.Peer, bool)
	// CountPlainPeers returns how many peers speak in cleartext.
	CountPlainPeers() int
	// PolicyKnown follows the moment from which the room's policy counts as known. It comes once.
	PolicyKnown()
	// PolicyChanged follows each change of the policy.
	PolicyChanged()
}

// Config says whose votes these are and where they go. All of it must be set.
type Config struct {
	Room   record.RoomID
	Lock   sync.Locker // the room's, which guards its votes too
	Self   *identity.Identity
	Store  store.Store
	Events *event.Queue
	Group  *group.Group
	Log    *slog.Logger
	Host   Host
}

// Votes holds one room's vote records and the policy that follows from them: it saves them, exchanges
// them with peers, signs local ones and reports what changes. Config.Lock guards it: a caller holds that
// lock for the methods that end in Locked, and for no others but SecureOnly. All methods may be called
// from any goroutine.
type Votes struct {
	cfg   Config
	scope event.Scope

	// signing is held while a local vote is signed and saved, so that nothing is signed twice. Lock
	// order: signing, Config.Lock.
	signing sync.Mutex

	records  *Records
	shown    map[vote.ID]vote.Status // as each proposal was last posted
	leftOut  map[vote.ID][]identity.Key
	changed  map[vote.ID]bool // of which few peers have heard yet
	evidence *rate.Limiter    // of equivocations that are sent to all peers
	asked    uint64           // numbers questions
	waiting  time.Time        // since when the policy is waited for; zero: no peer has come yet
	known    bool             // the policy is known, or was waited for in vain
}

// New returns the votes of a room, without what is on disk: see Load.
func New(cfg Config) *Votes {
	return &Votes{
		cfg: cfg, scope: event.Scope{Room: event.RoomID(cfg.Room.String())}, records: NewRecords(cfg.Room, cfg.Self),
		shown: map[vote.ID]vote.Status{}, leftOut: map[vote.ID][]identity.Key{},
		changed: map[vote.ID]bool{}, evidence: rate.NewLimiter(evidenceRate, evidenceRate),
	}
}

// HashLocked returns the votes' half of the room's frontier hash.
func (v *Votes) HashLocked() string { return v.records.Hash() }

// SecureOnly returns what Records.SecureOnly does, and may be called under any lock.
func (v *Votes) SecureOnly() (label string, on bool) { return v.records.SecureOnly() }

// applyLocked saves, hands on and reports what vote records did. from is the zero key for local ones.
func (v *Votes) applyLocked(out Change, from identity.Key, history bool) {
	v.saveAccepted(out)
	if len(out.LeftOut) > 0 {
		v.leftOut[out.Proposal] = out.LeftOut
	}
	if len(out.Accepted) > 0 && !from.IsZero() {
		v.noteChangedLocked(out.Proposal)
	}
	for _, r := range out.Accepted {
		v.cfg.Host.Forward(r, from, history)
	}
	if !out.Equivocator.IsZero() {
		v.sendEvidenceLocked(out.Proposal, out.Equivocator)
	}
	// One view serves all events: of a certificate's many ballots, each would cost a name for each voter.
	// A ballot is reported before what came of it, but not before the proposal that it is about.
	p := v.proposalLocked(out.Proposal)
	_, known := v.shown[out.Proposal]
	if !known {
		v.postProposalLocked(out.Proposal, p, history)
	}
	for _, r := range out.Accepted {
		if b, err := vote.DecodeBallot(r.Body().Data); r.Kind() == record.KindBallot && err == nil {
			v.cfg.Events.Post(event.BallotCast{Scope: v.scope, Proposal: p,
				By: v.voterLocked(r.Author(), b.Choice), Choice: b.Choice, History: history})
		}
	}
	if known {
		v.postProposalLocked(out.Proposal, p, history)
	}
	if !out.Equivocator.IsZero() {
		v.cfg.Events.Post(event.BallotCast{Scope: v.scope, Proposal: p,
			By: v.voterLocked(out.Equivocator, vote.Both), Choice: vote.Reject, Twice: true, History: history})
	}
	if out.Policy {
		v.postPolicyLocked(history)
	}
}
