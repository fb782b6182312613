// Package replica keeps one room level with every linked peer. It joins the room's records (package
// room), the store that persists them, and the room's votes (package votes), and exchanges them over
// links that the process owns. It knows no address, no socket and no other room.
//
// # The way of a record
//
// In: Record or Records → room.Accept → store.Append → event.Queue. A live record is handed on to the
// neighbours that say they aren't linked to its author. Out: Send → room signs and appends → store →
// the live queue of every link.
//
// # Catching up
//
// Two peers whose frontier hashes differ send each other their frontiers: how far each has every feed, and which
// votes. Where that is much they compare by sums, and each asks for what differs (outline.go). The planner of
// package room then decides which missing records to ask of which peer. A peer that takes
// records more slowly than they come is no longer pushed to, and catches up the same way at its own pace
// (slowpeer.go). A peer that was never met in this room is given only recent records (sharing.go).
//
// # The room's size
//
// All authors share the bytes that a room may take on disk (roomsize.go). What isn't kept isn't handed on, is reported to
// the person (notkept.go), and to the peers that send it or wrote it (refusal.go).
//
// # Locks
//
// One lock guards the peers, the room, its votes, and a record's way into the queues. So each link gets records in the
// order in which the room took them. Nothing under it blocks. Lock order: signing (package votes), then replica, then
// the process behind Host.
package replica

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// Link is what a replica does with a link to a peer; *link.Link implements it. None of its methods
// blocks but those that wait.
type Link interface {
	Key() identity.Key
	// Can reports whether the peer has a capability (see package wire).
	Can(capability string) bool
	// Control, Live and Sync queue a frame in one of the link's three queues. They report false, and
	// queue nothing, when that queue is full or the link is down.
	Control(wire.Frame) bool
	Live(wire.Frame) bool
	Sync(wire.Frame) bool
	// Relay queues a live frame of someone else. The live queue is shared by flow.
	Relay(f wire.Frame, of fair.Flow, rank int) bool
	// Gather makes live frames wait for more, or ends that. Release sends those that wait while no more come.
	Gather(on bool)
	Release()
	// Expect announces that we ask the peer for so many frames of records. Those aren't a flood.
	Expect(frames int)
	// ControlBytes returns how many bytes wait in the control queue.
	ControlBytes() int
	// LiveSpace and SyncSpace return how many small frames the queue still takes.
	LiveSpace() int
	SyncSpace() int
	// WaitLive and WaitSync return nil once the queue has been written, and an error when the link
	// goes down or ctx ends.
	WaitLive(ctx context.Context) error
	WaitSync(ctx context.Context) error
}

// Host is what a replica asks of the process that it runs in. Most methods are called under the
// replica's lock, so they must not block, nor call back into it, but for ID and
// Votes().SecureOnly, which take no lock.
type Host interface {
	// Peer returns a peer of this run as it is now, and whether it is known.
	Peer(key identity.Key) (event.Peer, bool)
	// TakeName follows an accepted record that names its author.
	TakeName(r *record.Record)
	// RelayMessage follows a message of someone else that took its place.
	RelayMessage(l event.Line)
	// SendCleartext sends a local message to the peers that speak in cleartext, and returns how many.
	SendCleartext(l event.Line) int
	// CountPlainPeers returns how many peers speak in cleartext.
	CountPlainPeers() int
	// PolicyKnown and PolicyChanged follow the room's policy (see package votes).
	PolicyKnown()
	PolicyChanged()
	// Refuse counts something that a peer sent and that was not taken. Reasons are few and fixed.
	Refuse(from identity.Key, reason string)
	// FlowOf returns whose work a record is that a peer sent, and its rank. With the peer as the author, it is of all
	// that comes from that peer.
	FlowOf(author, via identity.Key) (of fair.Flow, rank int)
	// ScheduleFlush has Flush called soon.
	ScheduleFlush()
	// Standing returns what decides whether an author gives way (see package standing). via is the peer that handed its
	// records on; zero: unknown.
	Standing(author, via identity.Key) (standing.Level, standing.Source)
	// NoteOver notes that an author used more than its share.
	NoteOver(author identity.Key)
	// ListMet lists the keys that are met or known, as far as links made them so.
	ListMet() []identity.Key
}

// Config says which room a replica holds, and for which identity. All of it must be set, but for Keep, Continue, Window,
// Size and WarmFeeds.
type Config struct {
	Identity *identity.Identity
	Name     string // the local peer's
	Room     record.RoomID
	Store    store.Store   // the caller closes it
	Keep     time.Duration // older records are deleted; 0: none
	Share    time.Duration // how much history a new key gets (sharing.go)
	Events   *event.Queue
	Group    *group.Group
	Log      *slog.Logger
	Host     Host
	Now      func() time.Time // the clock that stamps records
	Continue room.FeedEnd     // the feed to go on with, if the store has it so; zero: none
	Window   int              // bytes of bodies in memory; 0: room.DefaultMemory
	Size     int              // bytes that all authors share; 0: DefaultSize
	// WarmFeeds is how many feeds are in memory; 0: room.MaxWarmFeeds.
	WarmFeeds int
}

// Replica is one room. Its methods may be called from any goroutine.
type Replica struct {
	cfg     Config
	id      string // the room's, as it is on the wire
	scope   event.Scope
	room    *room.Room    // guarded by mu
	planner *room.Planner // guarded by mu
	puller  *room.Puller  // guarded by mu
	votes   *votes.Votes  // guarded by mu: see votes.Votes
	store   store.Store

	forks     forks
	acks      acks
	own       ownFeed
	stubs     stubs
	spans     spans
	saver     saver
	frontiers frontiers
	outlines  outlines
	slowPeers slowPeers
	memory    memory
	sharing   sharing
	heads     heads
	size      roomSize
	refusals  refusals
	catchUp   catchUp

	filling sync.Mutex // held while a record is put in a stub's place; before mu

	mu struct {
		sync.Mutex
		peers            map[identity.Key]*peer
		linked           []*peer // those that have a link, in the order in which they came
		names            map[identity.Key]lastName
		lastID           lastID
		late             lateRecords              // the last live records, which some peers may lack (neighbours.go)
		hearers          map[identity.Key][]*peer // peers that aren't linked to an author; cleared when links change (neighbours.go)
		newAuthors       map[identity.Key]bool    // whose records came by catching up, until neighbours are notified
		firstSeen        map[identity.Key]time.Time
		firstSeenUnsaved []identity.Key
		newEnds          map[record.FeedKey]bool // feeds with a new end, until a few peers are notified
		shares           map[*share]bool         // for peers that get a part of the past
		changed          chan struct{}           // closed and made anew when a link comes, goes, acknowledges or isn't slow any more

		frontierSeq     uint64 // numbers frontiers
		warnedTruncated bool   // that not all of the past can be had
		unsaved         bool   // the store lacks something that the room has
		reconciled      time.Time
		cooled          time.Time    // when blocks were last dropped from memory
		saving          event.Saving // as it was last posted
		lastSent        event.Line
		gathers         bool // more messages follow at once
		floods          floods
		received        int // records that came, new or not
		spans           openSpans
		unknown         map[identity.Key][]record.Kind // kinds of records that can't be shown, as they were reported

		catchUp        catchUpState
		size           sizeState
		outlineBudgets map[asker]*outlineBudget
		namesLimit     keyLimit
		firstSeenLimit keyLimit
	}
}

// New returns a room with the ends of all feeds that its store holds. It waits for the disk until ctx ends.
func New(ctx context.Context, cfg Config) (*Replica, error) {
	r := &Replica{cfg: cfg, id: cfg.Room.String(), store: cfg.Store}
	r.forks, r.saver, r.sharing = forks{r}, saver{r}, sharing{r}
	r.frontiers, r.outlines, r.slowPeers, r.memory = frontiers{r}, outlines{r}, slowPeers{r}, memory{r}
	r.heads, r.mu.newEnds = heads{r, make(chan struct{}, 1)}, map[record.FeedKey]bool{}
	r.own, r.stubs, r.spans, r.acks = ownFeed{r}, stubs{r}, spans{r}, acks{r}
	r.size, r.refusals, r.catchUp = roomSize{r}, refusals{r}, catchUp{r}
	r.scope = event.Scope{Room: event.RoomID(r.id)}
	r.room = room.New(cfg.Room, cfg.Identity, cfg.Name, cfg.Now, cfg.Window)
	r.planner = room.NewPlanner(r.room, time.Now)
	r.puller = room.NewPuller(r.room, r.planner, time.Now)
	r.puller.SetRefusals(r.refusals.pullHooks())
	r.votes = votes.New(votes.Config{Room: cfg.Room, Lock: &r.mu, Self: cfg.Identity, Store: cfg.Store, Events: cfg.Events,
		Group: cfg.Group, Log: cfg.Log, Host: votesHost{cfg.Host, r}})
	r.mu.peers, r.mu.names = map[identity.Key]*peer{}, map[identity.Key]lastName{}
	r.mu.unknown = map[identity.Key][]record.Kind{}
	r.mu.newAuthors, r.mu.firstSeen = map[identity.Key]bool{}, map[identity.Key]time.Time{}
	r.mu.late = lateRecords{}
	r.mu.hearers = map[identity.Key][]*peer{}
	r.mu.floods = floods{bytes: map[identity.Key]int{}, named: map[identity.Key]time.Time{}}
	r.mu.shares, r.mu.outlineBudgets = map[*share]bool{}, map[asker]*outlineBudget{}
	r.mu.changed, r.mu.reconciled, r.mu.saving.Scope = make(chan struct{}), time.Now(), r.scope
	r.mu.size = newSizeState(cmp.Or(cfg.Size, DefaultSize))
	r.mu.size.budget.SetCanGive(r.size.canGiveLocked)
	r.mu.namesLimit = newKeyLimit(maxNames, r.size.rankOf, func(key identity.Key) { delete(r.mu.names, key) })
	r.mu.firstSeenLimit = newKeyLimit(maxFirstSeen, r.size.rankOf, r.sharing.forgetFirstSeenLocked)
	r.room.SetRank(r.size.rankOf)
	r.room.SetWarmFeeds(cmp.Or(cfg.WarmFeeds, room.MaxWarmFeeds))
	if err := r.load(ctx); err != nil {
		return nil, fmt.Errorf("read earlier messages: %w", err)
	}
	return r, nil
}

// Start posts what was on disk, and begins to delete what is older than Config.Keep.
func (r *Replica) Start() {
	r.mu.Lock()
	r.votes.PostLoadedLocked()
	r.saver.postSavingLocked()
	r.mu.Unlock()
	r.cfg.Events.Post(event.PolicyChanged{Scope: r.scope, Policy: r.votes.Policy(), First: true})
	r.cfg.Group.Go("replica/heads", r.heads.run)
	r.cfg.Group.Go("replica/size", r.size.loadRecords)
	if r.cfg.Keep > 0 {
		r.cfg.Group.Go("replica/expire", r.saver.expire)
	}
}

// Votes returns the room's votes.
func (r *Replica) Votes() *votes.Votes { return r.votes }

// ID returns the room's id as it is on the wire.
func (r *Replica) ID() string { return r.id }

// hashLocked returns the hash that older peers compare; "" if only a part of the feeds is in memory.
func (r *Replica) hashLocked() string {
	if r.room.HasCold() {
		return ""
	}
	return r.room.Hash() + r.votes.HashLocked()
}

// Announce returns what our Hello says of the room.
func (r *Replica) Announce() wire.InRoom {
	r.mu.Lock()
	defer r.mu.Unlock()
	return wire.InRoom{Room: r.id, Frontier: r.hashLocked(), Sums: r.outlines.sumHashLocked(), Policy: r.votes.WirePolicyLocked()}
}

// Status returns the room's part of a status: its records and how saving goes.
func (r *Replica) Status() event.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return event.Status{Records: r.room.Count(), Received: r.mu.received, Saving: r.saver.savingNow(), Size: r.size.statusLocked()}
}

// Tick looks after votes and store, and retries questions that no peer answered. Call it every second.
func (r *Replica) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.votes.TickLocked()
	r.saver.tendStoreLocked()
	r.sharing.saveFirstSeenLocked()
	nameFlooders(r)
	r.size.tickLocked()
	r.refusals.tickLocked()
	r.memory.coolLocked()
	r.memory.recheckLocked()
	r.mu.late.forget()
	if r.mu.catchUp.spreadDue {
		r.catchUp.spreadLocked(nil)
	}
	for _, p := range r.mu.linked {
		r.frontiers.resendLocked(p)
		if r.outlines.isBehindLocked(p) {
			r.askLocked(p)
		}
		r.spans.askLocked(p)
	}
}

func (r *Replica) notice(level event.Level, text, hint string) {
	r.cfg.Events.Post(event.Notice{Scope: r.scope, Level: level, Text: text, Hint: hint})
}
