package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// mixed signs a feed by an author that is no member: messages where the kinds are "chat", records of 30 KB where they
// aren't. It continues before.
func mixed(t *testing.T, author *identity.Identity, feed record.Feed, kinds []record.Kind, before ...*record.Record) []*record.Record {
	t.Helper()
	out := slices.Clone(before)
	for _, kind := range kinds {
		seq := len(out)
		body := record.Body{Room: lobby, Feed: feed, Seq: uint64(seq), Time: record.Time{Ms: time.Now().UnixMilli(), N: int64(seq)}, Kind: kind}
		switch {
		case seq == 0:
			body.Kind, body.Data = record.KindOpen, record.NamingData("mallory")
		case kind == record.KindChat:
			body.Data = record.TextData(fmt.Sprint("message ", seq))
		default:
			body.Data = []byte(`{"x":"` + strings.Repeat("x", 30_000) + `"}`)
		}
		if seq > 0 {
			body.Prev = out[seq-1].ID()
		}
		r, err := record.Sign(author, body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// kinds returns n kinds: the first, then as many records of an unknown kind as a feed may have, then those of more.
func overLimit(more ...record.Kind) []record.Kind {
	kinds := []record.Kind{record.KindOpen}
	for range room.MaxUnknown / 30_000 {
		kinds = append(kinds, "poll")
	}
	return append(kinds, more...)
}

// messages returns the texts of the messages among records.
func messages(recs []*record.Record) (out []string) {
	for _, rec := range recs {
		if rec.Kind().IsText() {
			out = append(out, rec.Text())
		}
	}
	return out
}

// expectMessages checks which messages a member has, in any order.
func (n *net) expectMessages(m *member, want []string) {
	n.t.Helper()
	got := m.heard()
	slices.Sort(got)
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		n.t.Errorf("%s received %d messages %.300q, want %d %.300q", m.host.mu.name, len(got), got, len(want), want)
	}
}

// settleLinked lets members talk until nothing changes any more.
func (n *net) settleLinked() {
	for range 20 {
		for _, m := range n.members {
			for _, l := range m.links {
				m.ping(l.peer)
			}
		}
		pass(2 * time.Second)
	}
}

// Any mix of known and unknown kinds converges, in whatever portions and over whatever peers it comes: all peers that
// know stubs have all messages and one hash, an older one has what is below the stubs, and no one is blamed.
func TestAnyMixOfKindsConverges(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, 4, func(t *testing.T, n *net) {
				rng := rand.New(rand.NewPCG(seed, 0))
				n.members[3].caps = nil
				var all []string
				var feeds [][]*record.Record
				for feed := range 2 {
					kinds := overLimit()
					for range 40 {
						kinds = append(kinds, []record.Kind{"chat", "poll", "later"}[rng.IntN(3)])
					}
					kinds = append(kinds, record.KindChat) // a stub at the end can't be handed on yet
					rest := kinds[1:]
					rng.Shuffle(len(rest)-1, func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
					recs := mixed(t, testID(90+feed), record.Feed(7+feed), kinds)
					feeds, all = append(feeds, recs), append(all, messages(recs)...)
				}
				n.link(n.members[0], n.members[1])
				n.link(n.members[0], n.members[3])
				for _, recs := range feeds {
					for len(recs) > 0 {
						k := min(len(recs), 1+rng.IntN(12))
						to := n.members[rng.IntN(2)]
						part := slices.Clone(recs[:k])
						if recs = recs[k:]; rng.IntN(2) == 0 {
							slices.Reverse(part)
						}
						to.give(part...)
						pass(time.Duration(rng.IntN(3)) * time.Second)
					}
				}
				n.settleLinked()
				n.link(n.members[1], n.members[2]) // a newcomer, whom only stubs can be given
				n.settleLinked()
				for _, m := range n.members[:3] {
					n.expectMessages(m, all)
					if m.Hash() != n.members[0].Hash() {
						t.Errorf("%s holds other records than p0", m.host.mu.name)
					}
				}
				for _, m := range n.members {
					if got := m.notices("two different"); len(got) > 0 {
						t.Errorf("%s blames: %+v", m.host.mu.name, got)
					}
				}
				if old := n.members[3]; len(old.host.refusals()) > 0 || len(old.heard()) == 0 {
					t.Errorf("the older peer refused %q and received %d messages", old.host.refusals(), len(old.heard()))
				}
				for _, l := range n.members[0].links {
					for _, r := range sent[wire.Records](l) {
						if l.peer.caps == nil && len(r.Stubs) > 0 {
							t.Error("a stub went to an older peer")
						}
					}
				}
			})
		})
	}
}

// lie has a member take a feed from a liar that withholds the records from … to.
func (m *member) lie(recs []*record.Record, from, to uint64) {
	stub := wire.Stub{Author: recs[0].Author(), Feed: recs[0].Feed().String(), From: from, Seq: to, ID: recs[to].ID().String()}
	m.Records(deadLink(testID(97).Key()), wire.Records{Room: m.ID(), Stubs: []wire.Stub{stub}}, append(slices.Clone(recs[:from]), recs[to+1:]...))
}

// A message that a liar withheld by a stub comes as soon as any peer has it, after a restart too. The frontiers are
// equal all the time, so no comparison finds it.
func TestStubGivesWayToTheRecord(t *testing.T) {
	for _, restart := range []bool{false, true} {
		inBubble(t, 2, func(t *testing.T, n *net) {
			a, b := n.members[0], n.members[1]
			recs := chain(t, 7, "x", 12)
			b.give(recs...)
			a.lie(recs, 3, 6)
			pass(time.Second)
			n.expectMessages(a, append(messages(recs[:3]), messages(recs[7:])...))
			if a.Hash() != b.Hash() {
				t.Error("the stub changed the hash")
			}
			if restart {
				a = n.restart(0)
			}
			n.link(a, b)
			pass(3 * time.Second)
			want := messages(recs)
			if restart {
				want = messages(recs[3:7])
			}
			n.expectMessages(a, want)
			a.Replica.mu.Lock()
			if m := a.Replica.mu.spans; len(m.byFeed) != 0 || len(m.queue) != 0 {
				t.Errorf("%d spans are still asked for", len(m.queue))
			}
			a.Replica.mu.Unlock()
			if got := b.notices("two different"); got != nil || a.notices("two different") != nil {
				t.Error("somebody is blamed")
			}
			// What it has now it gives in full.
			c := n.add()
			n.link(a, c)
			pass(3 * time.Second)
			n.expectMessages(c, messages(recs))
		})
	}
}

// A live record takes a stub's place, too, and is shown once.
func TestLiveRecordTakesStubsPlace(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a, recs := n.members[0], chain(t, 7, "x", 8)
		a.lie(recs, 3, 4)
		for range 2 {
			a.Record(deadLink(testID(96).Key()), recs[4])
		}
		pass(time.Second)
		n.expectMessages(a, append(messages(recs[:3]), messages(recs[4:])...))
	})
}

// Stubs that are malformed, of too many records, or without the record behind them are not taken.
func TestBadStubsAreRefused(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a, recs := n.members[0], chain(t, 7, "x", 9)
		a.give(recs[:3]...)
		good := wire.Stub{Author: recs[0].Author(), Feed: recs[0].Feed().String(), From: 3, Seq: 5, ID: recs[5].ID().String()}
		a.Records(deadLink(testID(97).Key()), wire.Records{Room: a.ID(), Stubs: []wire.Stub{good}}, nil)
		if a.Status().Records != 3 {
			t.Error("a stub alone is taken")
		}
		for name, spoil := range map[string]func(*wire.Stub){
			"feed":       func(s *wire.Stub) { s.Feed = "x" },
			"no feed":    func(s *wire.Stub) { s.Feed = "0000000000000000" },
			"id":         func(s *wire.Stub) { s.ID = "x" },
			"backwards":  func(s *wire.Stub) { s.From = 6 },
			"the whole":  func(s *wire.Stub) { s.From, s.Seq = 0, 0 },
			"too many":   func(s *wire.Stub) { s.From, s.Seq = 3, 3+wire.MaxStub },
			"another id": func(s *wire.Stub) { s.ID = recs[4].ID().String() },
		} {
			before := len(a.host.refusals())
			s := good
			spoil(&s)
			a.Records(deadLink(testID(97).Key()), wire.Records{Room: a.ID(), Stubs: []wire.Stub{s}}, recs[6:])
			if refused := len(a.host.refusals()) > before; refused != (name != "another id") || a.Status().Records != 3 {
				t.Errorf("%s: refused %v, %d records", name, refused, a.Status().Records)
			}
		}
	})
}

// An author that forks where a record was skipped is found out by the record behind, by whoever has the other one,
// and everyone who knows stubs ends the feed in one place.
func TestForkBehindStubIsProven(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		common := mixed(t, testID(90), 7, overLimit())
		ours := mixed(t, testID(90), 7, []record.Kind{"poll", "chat", "chat"}, common...)
		theirs := mixed(t, testID(90), 7, []record.Kind{"chat", "chat"}, common...)
		a.give(ours...) // the poll is skipped
		b.give(theirs...)
		c.give(ours...)
		n.link(a, b)
		n.link(a, c)
		n.settleLinked()
		for _, m := range n.members {
			if len(m.notices("two different")) == 0 {
				t.Errorf("%s doesn't know of the fork", m.host.mu.name)
			}
			if got := m.Status().Records; got != len(common) {
				t.Errorf("%s holds %d records, want %d", m.host.mu.name, got, len(common))
			}
		}
		n.expectLevel()
		// The evidence outlives a restart.
		b = n.restart(1)
		b.give(theirs...)
		if got := b.Status().Records; got != len(common) {
			t.Errorf("%d records after a restart, want %d", got, len(common))
		}
	})
}

// A person hears once of each author and kind that can't be shown.
func TestUnknownKindsAreReportedOnce(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		a.give(mixed(t, testID(90), 7, []record.Kind{record.KindOpen, "poll", "poll", "later", "chat"})...)
		a.give(mixed(t, testID(91), 8, []record.Kind{record.KindOpen, "poll"})...)
		pass(time.Second)
		var got []string
		for _, u := range received[event.Unknown](a) {
			if u.FromID != u.From.ID().String() || u.FromName != "mallory" {
				t.Errorf("%+v", u)
			}
			got = append(got, fmt.Sprint(u.From.Short(), " ", u.Kind, " ", u.First))
		}
		x, y := testID(90).Key().Short(), testID(91).Key().Short()
		if want := []string{x + " poll true", x + " later false", y + " poll true"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A record with another id than the stub in its place proves the fork, with the record that names the stub's id.
func TestOtherRecordInStubsPlaceProvesFork(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		common := mixed(t, testID(90), 7, overLimit())
		a.give(mixed(t, testID(90), 7, []record.Kind{"poll", "chat", "chat"}, common...)...)
		other := mixed(t, testID(90), 7, []record.Kind{"chat"}, common...)
		a.Record(deadLink(testID(96).Key()), other[len(common)])
		pass(time.Second)
		if len(a.notices("two different")) != 1 || a.Status().Records != len(common) {
			t.Errorf("%d records, want %d; %+v", a.Status().Records, len(common), a.notices("two"))
		}
	})
}
