package store

import (
	"testing"

	"chat.lan/p2pchat/crypto/record"
)

// A forked feed ends with the record before the fork: at once on request, and after a start.
func TestHeadOfForkedFeed(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(9, 1)
	appendAll(t, d, talk)
	settle(t, d)
	key := talk[0].Record.FeedKey()
	d.EndFeedAt(key, 4, record.ID{})
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
	m.EndFeedAt(key, 4, record.ID{})
	check("in memory", m)
}

// A feed that began at the very record where it forks holds nothing. The fork names the record before, so its id stays.
func TestHeadOfFeedForkedAtItsFloor(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(9, 1)
	key, before := talk[0].Record.FeedKey(), talk[3].Record.ID()
	check := func(when string, s Store) {
		t.Helper()
		if f := s.Frontier(); len(f) != 1 || f[0].Floor != 4 || f[0].Next != 4 || f[0].Head != before || !f[0].Forked {
			t.Errorf("%s: %+v, want nothing from 4 on, behind %v", when, f, before)
		}
	}
	for _, s := range []Store{d, NewMem(lobby, 0)} {
		s.StartFeedAt(key, 4)
		appendAll(t, s, talk[4:])
		s.EndFeedAt(key, 4, before)
		check("at once", s)
	}
	settle(t, d)
	check("on disk", d)
	d.Close()
	check("after a start", open(t, cfg))
}
