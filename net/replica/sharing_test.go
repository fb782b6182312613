package replica

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

func TestFormatSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		12 * time.Hour: "12h", 48 * time.Hour: "2d", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m",
		20 * time.Second: "20s", 10*time.Hour + 10*time.Second: "10h0m10s",
	} {
		if got := formatSpan(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// A key that was never here gets what arrived in the time before its first meeting, and all that comes
// later; both sides say so once. That holds when it comes back, and after a restart.
func TestStrangers(t *testing.T) {
	for _, c := range []struct {
		name   string
		share  time.Duration
		want   []string
		notice string
	}{
		{"12 hours", ShareDefault, []string{"recent"}, "what arrived here in the last 12h"},
		{"none", ShareNone, nil, "nothing that was said before"},
		{"all", ShareAll, []string{"old", "recent"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, n *net) {
				share := func(cfg *Config) { cfg.Share = c.share }
				a := n.add(share)
				n.say(a, "old")
				pass(13 * time.Hour)
				n.say(a, "recent")
				pass(time.Minute)
				b := n.add()
				n.link(a, b)
				pass(time.Minute)
				n.say(a, "live")
				pass(time.Minute)
				n.expectHeard(b, append(c.want, "live")...)
				notices := a.notices("was never here before")
				if (len(notices) == 1) != (c.notice != "") || len(notices) == 1 && len(a.notices(c.notice)) != 1 {
					t.Errorf("a reports %+v", notices)
				}
				if got := len(b.notices("hands on only a part")); (got == 1) != (c.notice != "") {
					t.Errorf("b reports %d times", got)
				}
				// Messages sent while it is away are for it too, a day later and after a restart.
				n.unlink(a, b)
				n.say(a, "while away")
				pass(24 * time.Hour)
				a = n.restart(0, share)
				n.link(a, b)
				pass(time.Minute)
				n.expectHeard(b, append(c.want, "live", "while away")...)
				if got := len(a.notices("was never here before")); got != 0 {
					t.Errorf("a reports %d times after a restart", got)
				}
			})
		})
	}
}

// A peer always gets its own messages back.
func TestOwnMessagesBack(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		share := func(cfg *Config) { cfg.Share = ShareNone }
		a, b := n.add(share), n.add()
		n.link(a, b)
		n.say(b, "mine")
		n.say(a, "old")
		pass(time.Hour)
		n.unlink(a, b)
		c := n.add(share)
		n.link(a, c) // c gets nothing
		pass(time.Minute)
		n.expectHeard(c)
		// b starts with an empty store, and a as if it had never met b.
		if err := a.store.Delete(a.bucket("first-met"), b.key().Bytes()); err != nil {
			t.Fatal(err)
		}
		a = n.restart(0, share)
		b.group.Close()
		n.members = n.members[:1]
		b = n.add()
		n.link(a, b)
		pass(time.Minute)
		n.expectHeard(b, "mine")
		if said := b.heard(); len(said) != 1 {
			t.Errorf("%q", said)
		}
	})
}

// The number of keys that are remembered is bounded: a stranger above it is met for the first time again, and a key
// that isn't a stranger takes a stranger's place.
func TestFirstSeenIsBounded(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		a.Replica.mu.Lock()
		for i := 0; len(a.Replica.mu.firstSeen) < maxFirstSeen; i++ {
			key, err := identity.KeyFromBytes(binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i+1)))
			if err == nil { // some bytes are no key
				a.Replica.mu.firstSeen[key] = time.Now()
				a.Replica.mu.firstSeenLimit.note(key)
			}
		}
		a.Replica.mu.Unlock()
		for range 2 {
			if _, first := a.sharing.noteFirstSeen(testID(7).Key()); !first {
				t.Error("remembered")
			}
		}
		a.rank(testID(8).Key(), standing.Met, standing.Source{})
		if _, first := a.sharing.noteFirstSeen(testID(8).Key()); !first {
			t.Error("remembered")
		}
		if _, first := a.sharing.noteFirstSeen(testID(8).Key()); first {
			t.Error("a key that isn't a stranger is not remembered")
		}
		if got := len(a.Replica.mu.firstSeen); got != maxFirstSeen {
			t.Errorf("%d keys are remembered", got)
		}
	})
}

// A key that is met counts where it came from itself, and not where somebody came from who sent something just before.
func TestFirstMeetingCountsAtItsOwnSource(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		other, newcomer := testID(7).Key(), testID(8).Key()
		a.rank(other, standing.Heard, sourceAt("10.0.0.7"))
		a.Replica.mu.Lock()
		a.Replica.mu.size.via = other
		a.Replica.mu.Unlock()
		a.sharing.noteFirstSeen(newcomer)
		if last := a.Replica.mu.size.lastRank; last.author != newcomer || last.source == sourceAt("10.0.0.7") {
			t.Errorf("counted for %s at %v", last.author.Short(), last.source)
		}
	})
}

// TestShareIsEnforced: a peer that asks for what it may not have gets none of it.
func TestShareIsEnforced(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a := n.add(func(cfg *Config) { cfg.Share = ShareNone })
		n.say(a, "old")
		pass(time.Minute)
		b := n.add()
		n.link(a, b)
		pass(time.Minute)
		n.say(a, "new")
		l := a.links[b.key()]
		l.reset()
		own, _, _ := a.room.OwnFeed()
		a.Message(l, wire.Want{Room: a.ID(), N: 7, Frames: 8, Ranges: []wire.Range{{Author: own.Author, Feed: own.Feed.String(), To: 100}}})
		pass(time.Second)
		bodies := ""
		for _, m := range sent[wire.Records](l) {
			for _, r := range m.Records {
				bodies += r.Body
			}
		}
		if strings.Contains(bodies, "old") || !strings.Contains(bodies, "new") {
			t.Errorf("sent %s", bodies)
		}
	})
}

// A first meeting is on disk a second later, and at once if the link ends.
func TestFirstSeenIsSaved(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		saved := func() int {
			values, err := a.store.ListValues(t.Context(), a.bucket("first-met"))
			if err != nil {
				t.Fatal(err)
			}
			return len(values)
		}
		n.link(a, b)
		pass(1100 * time.Millisecond)
		if got := saved(); got != 1 {
			t.Errorf("%d first meetings are saved after a second, want 1", got)
		}
		if _, first := a.sharing.noteFirstSeen(testID(9).Key()); !first {
			t.Fatal("met before")
		}
		n.unlink(a, b)
		if got := saved(); got != 2 {
			t.Errorf("%d first meetings are saved when a link has ended, want 2", got)
		}
	})
}
