package replica

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// maxPeers bounds the peers that are remembered, linked or not: a new key costs nothing.
const maxPeers = 1024

// peer is a key that was linked in this run. It is guarded by Replica.mu.
type peer struct {
	key identity.Key
	session
	source      standing.Source // the present link's, or the last one's
	since, gone time.Time       // when its present link came, or the last one went

	acked uint64 // seq+1 that it acknowledged in our own feed
	due   uint64 // seq+1 of our own feed when its last link went down
}

// pages is a peer's frontier that comes in pages.
type pages struct {
	page    []room.Holding          // a frontier that is not complete
	pageSeq uint64                  // number of that frontier
	unread  map[record.FeedKey]bool // feeds that it named, of blocks that couldn't be read: their gaps aren't known
}

// lastAsked is when a peer was last asked for something of which it can make us ask at any rate.
type lastAsked struct {
	searched   time.Time // when its Heads last began a search
	askedVotes time.Time // when its Heads last made us ask it for votes
	askedGaps  time.Time // when askSoonLocked asked it last
	gapsDue    bool      // Flush must ask it
}

// session is what belongs to one link; it goes with it.
type session struct {
	link       Link                      // nil: none is up
	share      *share                    // how much of the past it gets; nil: all
	neighbours identity.KeySet           // keys that it says it is linked to
	toAck      map[record.FeedKey]bool   // feeds that wait for a Have
	slow       map[identity.Key]bool     // authors whose part of its live queue was full: it pulls theirs until it is level (slowpeer.go)
	advertised []room.Holding            // while it is slow: what it was last sent of our frontier, sorted
	partial    bool                      // that is a part
	unpushed   map[record.FeedKey]uint64 // while it is slow: the first seq of each feed that it wasn't sent since then
	syncMu     *sync.Mutex               // held while its sync queue is filled, without Replica.mu
	votes      *votes.Session            // the comparison of votes with it
	telling    telling                   // what it hears of the authors that we refuse
	told       told                      // the authors that it refuses

	pages
	lastAsked
	hash          string         // the peer's, as it said it last
	unequal       int            // pings in a row whose hash differed
	comparison    comparison     // the last one
	wantsFrontier bool           // it asked how far we are, and must hear when we have what it has
	partAsked     []room.Holding // as wantsFrontier, about these feeds only
	awaitsReply   bool           // it was asked how far it is, and hasn't said

	beyond   map[record.FeedKey]room.Holding // ends that it named in Heads, of which less was here
	compared bool                            // all that it holds was compared with ours
	bodies   bodies                          // what it is asked for of the room's spans
	proof    *record.Record                  // the first half of the proof of a fork

	sending  bool // a frontier of several pages is on its way to it
	sendNext bool // it must be sent anew after that
	askNext  bool // and asked for theirs

	unsent        *unsent // what its control queue had no space for
	advertiseNext bool    // as a slow peer it must hear how far we are after that
}

// PrepareLink reads what a link's peer may have, which waits for the disk. It returns a function that begins with
// the link at once: in place of the one before, if there was one. theirs is what the peer's Hello says of this
// room. Call both before anything else of the link, and not at the same time as LinkDown for the same key.
func (r *Replica) PrepareLink(l Link, theirs wire.InRoom) (linkUp func()) {
	s, limitedFirst := r.sharing.shareWith(l.Key())
	return func() { r.linkUp(l, theirs, s, limitedFirst) }
}

func (r *Replica) linkUp(l Link, theirs wire.InRoom, s *share, limitedFirst bool) {
	key := l.Key()
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.mu.peers[key]
	if p == nil {
		r.forgetPeerLocked()
		p = &peer{key: key}
		r.mu.peers[key] = p
	}
	if p.link == nil {
		r.mu.linked = append(r.mu.linked, p)
		p.since = time.Now()
	}
	_, source := r.cfg.Host.Standing(key, key)
	p.source = source.Shared()
	l.Gather(r.mu.gathers)
	clear(r.mu.hearers)
	delete(r.mu.shares, p.share)
	p.session = session{link: l, share: s, hash: theirs.Frontier, slow: map[identity.Key]bool{},
		toAck: map[record.FeedKey]bool{}, syncMu: new(sync.Mutex), telling: telling{able: l.Can(wire.CapRefusal)}}
	if l.Can(wire.CapFeeds) {
		p.hash = cmp.Or(theirs.Sums, theirs.Frontier)
	}
	r.planner.RemovePeer(key) // what it was asked over an older link it may never answer
	r.puller.RemovePeer(key)
	if p.hash != "" && p.hash == r.refusals.hashForLocked(p) {
		r.onAllAckedLocked(p)
		r.own.onComparedLocked(p, nil)
	} else {
		r.frontiers.sendFrontierLocked(p, true)
	}
	if limitedFirst {
		r.sharing.noteLimitedShareLocked(p)
	}
	r.notifyLocked()
	p.votes = r.votes.LinkUpLocked(key, theirs.Policy)
}

// LinkDown ends with a link. One that is not its peer's present link changes nothing.
func (r *Replica) LinkDown(l Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	r.mu.linked = slices.DeleteFunc(r.mu.linked, func(q *peer) bool { return q == p })
	clear(r.mu.hearers)
	delete(r.mu.shares, p.share)
	p.session, p.gone = session{}, time.Now()
	if _, seq, any := r.room.OwnFeed(); any {
		p.due = seq + 1
	}
	r.planner.RemovePeer(p.key)
	r.puller.RemovePeer(p.key)
	r.sharing.saveFirstSeenLocked() // the program may be ending
	r.notifyLocked()
}

// forgetPeerLocked makes room for another peer: of those that have no link, the one that went first goes.
func (r *Replica) forgetPeerLocked() {
	if len(r.mu.peers) < maxPeers {
		return
	}
	var oldest *peer
	for _, p := range r.mu.peers {
		if p.link == nil && (oldest == nil || p.gone.Before(oldest.gone)) {
			oldest = p
		}
	}
	if oldest != nil {
		delete(r.mu.peers, oldest.key)
	}
}

// peerOfLocked returns the peer whose present link this is, or nil.
func (r *Replica) peerOfLocked(l Link) *peer {
	if p := r.mu.peers[l.Key()]; p != nil && p.link == l {
		return p
	}
	return nil
}

// notifyLocked ends the waits for a change, to look again.
func (r *Replica) notifyLocked() {
	close(r.mu.changed)
	r.mu.changed = make(chan struct{})
}

// send queues a small message.
func (r *Replica) send(l Link, m wire.Message) { r.trySend(l, m) }

// trySend queues a small message. It reports false if the link has no space for it.
func (r *Replica) trySend(l Link, m wire.Message) bool {
	if w, ok := m.(wire.Want); ok {
		l.Expect(w.Frames)
	}
	f := r.encode(m)
	return f == nil || l.Control(f) // what can't be encoded never can
}

// encode returns a message as a frame, or logs why it can't and returns nil.
func (r *Replica) encode(m wire.Message) wire.Frame {
	f, err := wire.Encode(m)
	if err != nil {
		r.cfg.Log.Error("encode", "message", fmt.Sprintf("%T", m), "error", err)
	}
	return f
}
