package room

import (
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
)

// waitingIn counts the records that wait.
func waitingIn(r *Room) (n int) {
	for _, f := range r.feeds {
		n += len(f.waiting)
	}
	return n
}

// A stranger that fills the memory of records that wait gives way to a known author's, and to strangers that use less.
func TestWaitingIsFair(t *testing.T) {
	r := someone(t, 1)
	flooder, friend := identity.FromSeed([32]byte{2}).Key(), identity.FromSeed([32]byte{3}).Key()
	r.SetRank(func(author identity.Key) (standing.Level, standing.Source) {
		if author == friend {
			return standing.Known, standing.Machine
		}
		return standing.Heard, standing.Source{}
	})
	const most = maxWaitingBytes / minWaitingCost
	flood := chain(t, 2, 1, most+200, record.KindChat, `{"text":"x"}`)
	acceptAll(t, r, flood[1:])
	if got := waitingIn(r); got != most {
		t.Fatalf("%d records wait, want %d", got, most)
	}
	if f := r.feeds[flood[0].FeedKey()]; f.waiting[1] == nil || f.waiting[uint64(most)] == nil {
		t.Error("the records nearest to the feed's end don't wait")
	}
	for author := byte(3); author < 6; author++ {
		recs := chain(t, author, 1, 20, record.KindChat, `{"text":"x"}`)
		acceptAll(t, r, recs[2:])
		if out, err := r.Accept(recs[0]); err != nil || len(out.Added) != 1 {
			t.Fatal(out, err)
		}
		if out, err := r.Accept(recs[1]); err != nil || len(out.Added) != 20 {
			t.Errorf("%d records of author %d go on, want 20 (%v)", len(out.Added), author, err)
		}
	}
	if used := r.waiting.budget.UsedBy(flooder); used == 0 || used > maxWaitingBytes {
		t.Errorf("the flooder's records take %d bytes", used)
	}
}

// A record that is dropped at once leaves no feed behind, whoever invents how many keys.
func TestDroppedWaitingLeavesNoFeed(t *testing.T) {
	r := someone(t, 1)
	const most = maxWaitingBytes / minWaitingCost
	for feed := range record.Feed(most + 50) {
		acceptAll(t, r, chain(t, 2, feed+1, 1, record.KindChat, `{"text":"x"}`)[1:])
	}
	if len(r.feeds) != most || waitingIn(r) != most || len(r.waiting.feeds[identity.FromSeed([32]byte{2}).Key()]) != most {
		t.Errorf("%d feeds, %d records wait, want %d", len(r.feeds), waitingIn(r), most)
	}
}

// RemoveAuthor forgets all of an author, the records that wait and the ends. HashExcept is the hash without it.
func TestRemoveAuthor(t *testing.T) {
	r, without := someone(t, 1), someone(t, 1)
	key := identity.FromSeed([32]byte{2}).Key()
	a, b, other := chain(t, 2, 1, 5, record.KindChat, `{"text":"x"}`), chain(t, 2, 2, 5, record.KindChat, `{"text":"x"}`), chain(t, 3, 1, 5, record.KindChat, `{"text":"x"}`)
	acceptAll(t, r, a)
	acceptAll(t, r, b[3:])
	acceptAll(t, r, other)
	acceptAll(t, without, other)
	if got := r.HashExcept(func(k identity.Key) bool { return k == key }); got != without.Hash() || r.Hash() == got {
		t.Errorf("hash %s without the author, want %s", got, without.Hash())
	}
	if !r.HasFeed(a[0].FeedKey()) || r.HasFeed(b[0].FeedKey()) || r.HasPlaceFor(a[2]) || !r.HasPlaceFor(b[0]) {
		t.Error("HasFeed or HasPlaceFor is wrong")
	}
	r.RemoveAuthor(key)
	if r.Hash() != without.Hash() || r.Sum(nil) != without.Sum(nil) || r.memBytes != without.memBytes || waitingIn(r) != 0 || len(r.feeds) != 1 {
		t.Errorf("%d feeds, %d bytes, %d waiting are left", len(r.feeds), r.memBytes, waitingIn(r))
	}
	acceptAll(t, r, a)
	if r.Count() != without.Count()+6 {
		t.Error("an author that was removed can't come back")
	}
}
