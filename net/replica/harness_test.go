package replica

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
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
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var lobby = record.OpenRoom("lobby")

// testID returns the identity of member i.
func testID(i int) *identity.Identity {
	return identity.FromSeed([32]byte{byte(i + 1), byte((i + 1) >> 8)})
}

// member is a replica with the process around it.
type member struct {
	*Replica
	host  *testHost
	group *group.Group
	links map[identity.Key]*testLink // by the peer's key
	caps  []string                   // capabilities; nil: a program of before

	mu     sync.Mutex // guards events
	events []event.Event
}

// around is a member as its votes see it. Its methods take the lock that the votes hold.
type around struct{ *member }

func (a around) room() (_ votesHost, unlock func()) {
	a.Replica.mu.Lock()
	return votesHost{a.host, a.Replica}, a.Replica.mu.Unlock
}

func (a around) NameOf(key identity.Key) (string, bool) {
	r, unlock := a.room()
	defer unlock()
	return r.NameOf(key)
}

func (a around) ListVoters() []identity.Key {
	r, unlock := a.room()
	defer unlock()
	return r.ListVoters()
}

func (a around) ListLongLinked() []identity.Key {
	r, unlock := a.room()
	defer unlock()
	return r.ListLongLinked()
}

func (a around) Send(to identity.Key, m wire.Message) {
	r, unlock := a.room()
	defer unlock()
	r.Send(to, m)
}

// net is members and the links between them. It lives in a synctest bubble.
type net struct {
	t       *testing.T
	root    *group.Group
	members []*member
	disks   []func() // close stores on disk
	minutes map[int][]*record.Record
}

// inBubble runs a test in a synctest bubble, with as many members as it asks for, not linked.
func inBubble(t *testing.T, members int, do func(t *testing.T, n *net)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &net{t: t}
		n.root = group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
		defer n.root.Close()
		for range members {
			n.add()
		}
		do(t, n)
	})
}

// add starts another member.
func (n *net) add(change ...func(*Config)) *member {
	n.t.Helper()
	i := len(n.members)
	m := &member{group: n.root.Child(), links: map[identity.Key]*testLink{}, caps: wire.Caps()}
	m.host = &testHost{m: m, self: testID(i).Key()}
	m.host.mu.name, m.host.mu.peers = fmt.Sprint("p", i), map[identity.Key]event.Peer{}
	events := event.NewQueue()
	cfg := Config{Identity: testID(i), Name: m.host.mu.name, Room: lobby, Store: store.NewMem(lobby, 0), Share: ShareAll,
		Events: events, Group: m.group, Log: slog.New(slog.DiscardHandler), Host: m.host, Now: time.Now}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if m.Replica, err = New(n.t.Context(), cfg); err != nil {
		n.t.Fatal(err)
	}
	m.group.Go("test/events", func(ctx context.Context) {
		events.Run(ctx, 0, func(b event.Batch) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, ev := range b {
				m.events = append(m.events, ev.(event.Event))
			}
		})
	})
	m.Start()
	m.group.Go("test/tick", func(ctx context.Context) {
		for group.Sleep(ctx, time.Second, nil) {
			m.Tick()
		}
	})
	n.members = append(n.members, m)
	return m
}

// restart ends a member and starts it again, with the same store.
func (n *net) restart(i int, change ...func(*Config)) *member {
	n.t.Helper()
	old := n.members[i]
	for _, other := range n.members {
		if old.links[other.key()] != nil {
			n.unlink(old, other)
		}
	}
	old.group.Close()
	all := n.members
	n.members = all[:i:i]
	m := n.add(append([]func(*Config){func(c *Config) { c.Store = old.store }}, change...)...)
	all[i] = m
	n.members = all
	return m
}

// link joins two members, and tells the neighbours of both.
func (n *net) link(a, b *member) { n.linkHeld(a, b, false) }

// linkHeld does so, and what b sends waits from the start if held says so.
func (n *net) linkHeld(a, b *member, held bool) {
	l, back := newTestLink(a, b), newTestLink(b, a)
	back.hold(held)
	l.twin, back.twin = back, l
	l.can = map[string]bool{}
	for _, capability := range a.caps {
		l.can[capability] = slices.Contains(b.caps, capability)
	}
	back.can = l.can
	for _, end := range []*testLink{l, back} {
		owner, peer := end.owner, end.peer
		owner.links[peer.key()] = end
		owner.host.mu.Lock()
		owner.host.mu.peers[peer.key()] = event.Peer{ID: peer.key().ID().String(), Key: peer.key(), Name: peer.host.mu.name, Kind: event.KindNative}
		owner.host.mu.Unlock()
	}
	ours, theirs := a.announce(), b.announce()
	a.PrepareLink(l, theirs)()
	b.PrepareLink(back, ours)()
	l.start(n.root)
	back.start(n.root)
	n.announceNeighbours()
}

// unlink ends the link between two members.
func (n *net) unlink(a, b *member) {
	l := a.links[b.key()]
	delete(a.links, b.key())
	delete(b.links, a.key())
	l.close()
	l.twin.close()
	a.LinkDown(l)
	b.LinkDown(l.twin)
	n.announceNeighbours()
}

// announceNeighbours tells every member the links of its peers.
func (n *net) announceNeighbours() {
	for _, m := range n.members {
		for _, l := range m.links {
			m.SetNeighbours(l, identity.NewKeySet(slices.Collect(maps.Keys(l.peer.links))...))
		}
	}
}

// ping has the members of a link exchange their hashes once.
func (m *member) ping(other *member) {
	l := m.links[other.key()]
	other.TakeHash(l.twin, m.HashFor(l))
	m.TakeHash(l, other.HashFor(l.twin))
}

// pass waits while things happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (m *member) key() identity.Key { return m.cfg.Identity.Key() }

// say sends messages and returns their texts.
func (n *net) say(m *member, texts ...string) []string {
	n.t.Helper()
	for _, text := range texts {
		if err := m.Send(record.KindChat, text); err != nil {
			n.t.Fatal(err)
		}
	}
	return texts
}

// numbered returns n texts.
func numbered(what string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(what, " ", i))
	}
	return out
}

// received returns the events of one kind so far.
func received[E event.Event](m *member) (out []E) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ev := range m.events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// heard returns the texts of the messages that a member has received.
func (m *member) heard() (out []string) {
	for _, s := range received[event.Said](m) {
		out = append(out, s.Line.Text)
	}
	return out
}

// expectHeard checks which messages a member has received.
func (n *net) expectHeard(m *member, want ...string) {
	n.t.Helper()
	if got := m.heard(); !slices.Equal(got, want) {
		n.t.Errorf("%s received %d messages %.300q, want %d %.300q", m.host.mu.name, len(got), got, len(want), want)
	}
}

// expectLevel checks that all members hold the same.
func (n *net) expectLevel() {
	n.t.Helper()
	for _, m := range n.members {
		if m.Hash() != n.members[0].Hash() {
			n.t.Errorf("%s holds other records than p0: %d and %d", m.host.mu.name, m.Status().Records, n.members[0].Status().Records)
		}
	}
}

// notices returns the notices that contain text.
func (m *member) notices(text string) (out []event.Notice) {
	for _, x := range received[event.Notice](m) {
		if strings.Contains(x.Text, text) {
			out = append(out, x)
		}
	}
	return out
}

// delivered returns the newest count of acknowledgements, as in "1/2".
func (m *member) delivered() string {
	all := received[event.Delivered](m)
	if len(all) == 0 {
		return ""
	}
	d := all[len(all)-1]
	return fmt.Sprintf("%d/%d", d.Peers, d.Of)
}

// chain signs a feed of n records by an author that is no member: an open record and messages that
// begin with what. It continues before, whose last record it follows.
func chain(t *testing.T, feed record.Feed, what string, n int, before ...*record.Record) []*record.Record {
	t.Helper()
	out := slices.Clone(before)
	for seq := len(out); seq < n; seq++ {
		body := record.Body{Room: lobby, Feed: feed, Seq: uint64(seq), Time: record.Time{Ms: time.Now().UnixMilli(), N: int64(seq)}}
		if body.Kind, body.Data = record.KindOpen, []byte(`{"name":"mallory"}`); seq > 0 {
			body.Kind, body.Data = record.KindChat, fmt.Appendf(nil, `{"text":"%s %d"}`, what, seq)
			body.Prev = out[seq-1].ID()
		}
		r, err := record.Sign(testID(98), body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// give has a member take records as an answer that it didn't ask for.
func (m *member) give(recs ...*record.Record) {
	m.Records(deadLink(testID(97).Key()), wire.Records{Room: m.ID()}, recs)
}
