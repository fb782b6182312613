package replica

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// An author signs two chains of one feed and gives each member another. When these meet, both keep the feed
// as far as it was one, warn once, and remember the evidence after a restart.
func TestFork(t *testing.T) {
	for _, c := range []struct{ parted, first, second, window int }{
		{5, 10, 10, 0},     // both end at the same place
		{5, 8, 12, 0},      // the second is longer
		{250, 600, 700, 0}, // it takes several questions to get down to where they part
		{250, 600, 700, 1}, // and none of it is in memory
		{1, 2, 2, 0},       // the first after the opening
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, n *net) {
				small := func(cfg *Config) { cfg.Window = c.window }
				a, b := n.add(small), n.add(small)
				common := chain(t, 77, "common", c.parted)
				a.give(chain(t, 77, "first", c.first, common...)...)
				b.give(chain(t, 77, "second", c.second, common...)...)
				n.link(a, b)
				pass(time.Minute)
				check := func(when string, warnings int) {
					t.Helper()
					n.expectLevel()
					for _, m := range n.members {
						if got := m.Status().Records; got != c.parted {
							t.Errorf("%s: %s holds %d records, they part at %d", when, m.host.mu.name, got, c.parted)
						}
						if got := len(m.notices("two different lines")); got != warnings {
							t.Errorf("%s: %s warned %d times", when, m.host.mu.name, got)
						}
					}
				}
				check("after they met", 1)
				// After a restart the evidence ends the feed for a member that has more of it.
				a, b = n.restart(0, small), n.restart(1, small)
				check("after a restart", 0)
				late := n.add(small)
				late.give(chain(t, 77, "second", c.second, common...)...)
				n.link(a, late)
				n.link(a, b)
				pass(time.Minute)
				n.expectLevel()
				if got := late.Status().Records; got != c.parted || len(late.notices("two different lines")) != 1 {
					t.Errorf("a member that comes later has %d records", got)
				}
			})
		})
	}
}

// Evidence goes to every linked peer as soon as it is found.
func TestForkProofIsSent(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(a, c)
		common := chain(t, 77, "common", 5)
		for _, m := range n.members {
			m.give(chain(t, 77, "first", 8, common...)...)
		}
		pass(time.Second)
		l := a.links[b.key()]
		l.reset()
		a.Record(a.links[c.key()], chain(t, 77, "second", 6, common...)[5])
		pass(time.Second)
		if got := len(sent[wire.Record](l)); got != 2 {
			t.Errorf("%d records were sent as evidence", got)
		}
		for _, m := range n.members {
			if m.Status().Records != 5 || len(m.notices("two different lines")) != 1 {
				t.Errorf("%s holds %d records", m.host.mu.name, m.Status().Records)
			}
		}
		// Nothing of the feed is accepted from there on.
		a.give(chain(t, 77, "first", 20, common...)...)
		if got := a.Status().Records; got != 5 {
			t.Errorf("%d records after more came", got)
		}
	})
}

// Records that don't follow each other prove nothing and end no feed. They lead to a question for up to 200
// records below.
func TestDivergenceProvesNothing(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		common := chain(t, 77, "common", 5)
		first := chain(t, 77, "first", 300, common...)
		a.give(first...)
		pass(time.Second)
		l := a.links[b.key()]
		l.reset()
		l.hold(true)
		other := chain(t, 77, "second", 300, common...)
		a.Records(l, wire.Records{Room: a.ID(), End: true}, other[290:])
		wants := sent[wire.Want](l)
		if len(wants) != 1 || len(wants[0].Ranges) != 2 || wants[0].Ranges[0].From != 290-nearestFirst || wants[0].Ranges[0].To != 289 ||
			wants[0].Ranges[1].From != 290-olderAtOnce || wants[0].Ranges[1].To != 289-nearestFirst {
			t.Errorf("asked for %+v", wants)
		}
		a.Record(l, other[100])
		if wants = sent[wire.Want](l); len(wants) != 2 || wants[1].Ranges[1].From != 0 || wants[1].Ranges[0].To != 99 {
			t.Errorf("asked for %+v", wants)
		}
		if got := a.Status().Records; got != 300 || len(a.notices("two different lines")) != 0 {
			t.Errorf("%d records are left", got)
		}
		if got := len(a.heard()); got != 299 {
			t.Errorf("%d messages", got)
		}
	})
}

// Saved evidence that proves nothing is ignored: damaged, of two feeds, or the same record twice.
func TestFalseEvidence(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		common := chain(t, 77, "common", 5)
		a.give(common...)
		pair := func(x, y *record.Record) []byte {
			return fmt.Appendf(nil, `[{"body":%q,"sig":%q},{"body":%q,"sig":%q}]`, x.Signed(), base64Of(x), y.Signed(), base64Of(y))
		}
		for i, value := range [][]byte{[]byte("nonsense"), []byte(`[{"body":"","sig":""},{"body":"","sig":""}]`),
			pair(common[2], common[2]), pair(common[2], common[3]), pair(common[2], chain(t, 78, "other", 3)[2])} {
			if err := a.store.Put(a.bucket("forks"), []byte{byte(i)}, value); err != nil {
				t.Fatal(err)
			}
		}
		a = n.restart(0)
		if forks, err := a.forks.loadForks(t.Context()); len(forks) != 0 || err != nil {
			t.Errorf("%d forks, %v", len(forks), err)
		}
		// A true pair counts: the feed goes no further.
		if err := a.store.Put(a.bucket("forks"), []byte{9}, pair(common[4], chain(t, 77, "second", 5, common[:4]...)[4])); err != nil {
			t.Fatal(err)
		}
		a = n.restart(0)
		forks, err := a.forks.loadForks(t.Context())
		if len(forks) != 1 || err != nil || forks[0].Seq != 4 {
			t.Errorf("%v, %v", forks, err)
		}
		a.give(chain(t, 77, "common", 20, common...)...)
		if slices.ContainsFunc(a.heard(), func(text string) bool { return strings.HasSuffix(text, "19") }) {
			t.Error("the feed went on behind its fork")
		}
	})
}

// base64Of returns a record's signature as JSON carries it.
func base64Of(r *record.Record) string { return base64.StdEncoding.EncodeToString(r.Signature()) }
