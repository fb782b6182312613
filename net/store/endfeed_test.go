package store

import "testing"

// A forked feed ends with the record before the fork: at once on request, and after a start.
func TestHeadOfForkedFeed(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(9, 1)
	appendAll(t, d, talk)
	settle(t, d)
	key := talk[0].Record.FeedKey()
	d.EndFeedAt(key, 4)
	settle(t, d)
	check := func(when string, s Store) {
		t.Helper()
		if f := s.Frontier(); len(f) != 1 || f[0].Next != 4 || f[0].Head != talk[3].Record.ID() || !f[0].Forked {
			t.Errorf("%s: %+v, want the head %v", when, f, talk[3].Record.ID())
		}
	}
	check("after the fork", d)
	d.Close()
	check("after a start", open(t, cfg))
	m := NewMem(lobby, 0)
	appendAll(t, m, talk)
	m.EndFeedAt(key, 4)
	check("in memory", m)
}
