package votes_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testRoom is the room around one Votes. It records what Votes asks of it.
type testRoom struct {
	mu struct {
		sync.Mutex
		voters []identity.Key
		linked []identity.Key // for long
		plain  int

		forwarded []*record.Record
		sent      []wire.Message
		refused   []string
		authors   []identity.Key
		known     int
		changes   int // of the policy
	}
}

func (r *testRoom) Forward(rec *record.Record, _ identity.Key, history bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if history {
		r.mu.authors = append(r.mu.authors, rec.Author())
	} else {
		r.mu.forwarded = append(r.mu.forwarded, rec)
	}
}

func (r *testRoom) Send(_ identity.Key, m wire.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.sent = append(r.mu.sent, m)
}

func (r *testRoom) Refuse(_ identity.Key, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.refused = append(r.mu.refused, reason)
}

func (r *testRoom) ListVoters() []identity.Key     { return r.mu.voters }
func (r *testRoom) ListLongLinked() []identity.Key { return r.mu.linked }
func (r *testRoom) CountPlainPeers() int           { return r.mu.plain }

func (r *testRoom) NameOf(key identity.Key) (string, bool) { return key.Short(), true }
func (r *testRoom) Peer(key identity.Key) (event.Peer, bool) {
	return event.Peer{Key: key, Name: key.Short()}, true
}

func (r *testRoom) PolicyKnown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.known++
}

func (r *testRoom) PolicyChanged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.changes++
}

// voter is a Votes with the room around it.
type voter struct {
	*votes.Votes
	lock     *sync.Mutex // the room's
	sessions map[identity.Key]*votes.Session
	room     *testRoom
	store    store.Store
	key      identity.Key

	mu     sync.Mutex // guards events
	events []event.Event
}

// inRoom runs a test in a synctest bubble, with the votes of n people who may vote.
func inRoom(t *testing.T, n int, do func(t *testing.T, g *group.Group, vs []*voter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
		defer g.Close()
		var vs []*voter
		for i := range n {
			vs = append(vs, newVoter(t, g, i, n, store.NewMem(lobby, 0)))
		}
		do(t, g, vs)
	})
}

// newVoter returns the votes of person i among n, with what its store holds.
func newVoter(t *testing.T, g *group.Group, i, n int, s store.Store) *voter {
	t.Helper()
	ids, keys := people(n)
	v := &voter{lock: new(sync.Mutex), sessions: map[identity.Key]*votes.Session{}, room: &testRoom{}, store: s, key: keys[i]}
	v.room.mu.voters = keys
	queue := event.NewQueue()
	v.Votes = votes.New(votes.Config{Room: lobby, Lock: v.lock, Self: ids[i], Store: s, Events: queue, Group: g,
		Log: slog.New(slog.DiscardHandler), Host: v.room})
	g.Go("test/events", func(ctx context.Context) {
		queue.Run(ctx, 0, func(b event.Batch) {
			v.mu.Lock()
			defer v.mu.Unlock()
			for _, ev := range b {
				v.events = append(v.events, ev.(event.Event))
			}
		})
	})
	if err := v.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// locked runs do with the room's lock held, as a replica does.
func locked[T any](v *voter, do func() T) T {
	v.lock.Lock()
	defer v.lock.Unlock()
	return do()
}

func (v *voter) do(what func()) { locked(v, func() any { what(); return nil }) }

// LinkUp begins a session with a peer, which the methods after it use.
func (v *voter) LinkUp(key identity.Key, p *wire.Policy) {
	v.do(func() { v.sessions[key] = v.LinkUpLocked(key, p) })
}
func (v *voter) TakeLive(key identity.Key, r *record.Record) {
	v.do(func() { v.TakeLocked(key, []*record.Record{r}, false) })
}
func (v *voter) TakePage(key identity.Key, held []wire.HeldVotes, first bool) {
	v.do(func() { v.TakePageLocked(v.sessions[key], held, first) })
}
func (v *voter) EndPages(key identity.Key) { v.do(func() { v.EndPagesLocked(v.sessions[key]) }) }
func (v *voter) TakeAnswer(key identity.Key, recs []*record.Record, end bool) {
	v.do(func() { v.TakeAnswerLocked(v.sessions[key], recs, end) })
}
func (v *voter) Tick()                    { v.do(v.TickLocked) }
func (v *voter) PostLoaded()              { v.do(v.PostLoadedLocked) }
func (v *voter) Hash() string             { return locked(v, v.HashLocked) }
func (v *voter) Held() []wire.HeldVotes   { return locked(v, v.HeldLocked) }
func (v *voter) WirePolicy() *wire.Policy { return locked(v, v.WirePolicyLocked) }
func (v *voter) ListRequested(held []wire.HeldVotes) []*record.Record {
	return locked(v, func() []*record.Record { return v.ListRequestedLocked(held) })
}

// received returns the events of one kind so far.
func received[E event.Event](v *voter) (out []E) {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, ev := range v.events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// exchange gives everyone the records that the others made, live, until no more come.
func exchange(vs []*voter) {
	for again := true; again; {
		again = false
		for _, from := range vs {
			from.room.mu.Lock()
			recs := from.room.mu.forwarded
			from.room.mu.forwarded = nil
			from.room.mu.Unlock()
			for _, rec := range recs {
				for _, to := range vs {
					if to != from {
						to.TakeLive(from.key, rec)
					}
				}
				again = true
			}
		}
	}
	synctest.Wait()
}

// wants returns the questions that were sent so far.
func (r *testRoom) wants() (out []wire.Want) {
	for _, m := range r.mu.sent {
		if w, ok := m.(wire.Want); ok {
			out = append(out, w)
		}
	}
	return out
}

// catchUp gives a frontier of from to a member, and answers its questions until it asks no more.
func catchUp(to, from *voter) (questions int) {
	to.room.mu.sent = nil
	to.TakePage(from.key, from.Held(), true)
	to.EndPages(from.key)
	for ; questions < len(to.room.wants()); questions++ {
		w := to.room.wants()[questions]
		to.TakeAnswer(from.key, from.ListRequested(w.Votes), true)
	}
	synctest.Wait()
	return questions
}

// lastProposal returns a proposal as it was last posted.
func (v *voter) lastProposal(label string) (out event.Proposal) {
	for _, ev := range slices.Backward(received[event.ProposalChanged](v)) {
		if ev.Proposal.Label == label {
			return ev.Proposal
		}
	}
	return out
}

// pass waits while things happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
