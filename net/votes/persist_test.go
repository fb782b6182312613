package votes_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

// slowStore is a store whose Sync takes a while, or fails.
type slowStore struct {
	store.Store
	wait time.Duration
	err  error
	sync func()
}

func (s *slowStore) Sync(ctx context.Context) error {
	time.Sleep(s.wait)
	if s.sync != nil {
		s.sync()
	}
	return s.err
}

// A ballot is on disk before it counts or is sent. One that can't be saved is never sent, and may be cast
// again.
func TestBallotIsSavedFirst(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, g *group.Group, vs []*voter) {
		slow := &slowStore{Store: store.NewMem(lobby, 0)}
		a := newVoter(t, g, 0, 2, slow)
		slow.sync = func() {
			values, _ := slow.ListValues(t.Context(), "votes/"+lobby.String())
			if len(values) != 2 || len(a.room.mu.forwarded) != 0 || len(a.Proposals()) != 0 {
				t.Errorf("%d values saved, %d records sent", len(values), len(a.room.mu.forwarded))
			}
		}
		if p, err := a.Propose(secureOnly); err != nil || p.Label != "#1" || len(a.room.mu.forwarded) != 2 {
			t.Errorf("%v, %+v, %d sent", err, p, len(a.room.mu.forwarded))
		}

		b := newVoter(t, g, 1, 2, &slowStore{Store: store.NewMem(lobby, 0), err: store.ErrFull})
		for _, rec := range a.room.mu.forwarded {
			b.TakeLive(a.key, rec)
		}
		b.room.mu.forwarded = nil
		if _, err := b.Vote("#1", vote.Approve); !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "it was not sent") {
			t.Errorf("%v", err)
		}
		if values, _ := b.store.ListValues(t.Context(), "votes/"+lobby.String()); len(values) != 2 || len(b.room.mu.forwarded) != 0 || b.Proposals()[0].Mine != vote.None {
			t.Errorf("%d values, %d sent, own vote %v", len(values), len(b.room.mu.forwarded), b.Proposals()[0].Mine)
		}
		b.store.(*slowStore).err = nil
		if p, err := b.Vote("#1", vote.Approve); err != nil || p.State != vote.StatusPassed {
			t.Errorf("%v, %+v", err, p)
		}
	})
}

// The caller waits 300 ms for a slow disk. What fails later is reported by a notice.
func TestSlowDisk(t *testing.T) {
	inRoom(t, 1, func(t *testing.T, g *group.Group, _ []*voter) {
		slow := &slowStore{Store: store.NewMem(lobby, 0), wait: time.Second}
		a := newVoter(t, g, 0, 2, slow)
		began := time.Now()
		if _, err := a.Propose(secureOnly); err != nil || time.Since(began) != 300*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		pass(2 * time.Second)
		if len(a.Proposals()) != 1 {
			t.Error("it was never applied")
		}
		slow.err = store.ErrFull
		if _, err := a.Vote("#9", vote.Approve); !errors.Is(err, vote.ErrNoProposal) || !strings.Contains(err.Error(), "#9") {
			t.Errorf("%v", err)
		}
		if _, err := a.Cancel("#1"); err != nil {
			t.Error(err)
		}
		pass(2 * time.Second)
		notices := received[event.Notice](a)
		if len(notices) != 1 || notices[0].Level != event.Error || notices[0].Hint == "" || a.lastProposal("#1").State != vote.StatusOpen {
			t.Errorf("%+v", notices)
		}
		g.Stop()
		if _, err := a.Propose(secureOnly); err == nil {
			t.Error("signed after the end")
		}
	})
}

// Votes and disputes come back after a restart, as history. A damaged value is skipped.
func TestRestart(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, g *group.Group, vs []*voter) {
		label := decide(t, vs)
		if _, err := vs[1].SetDisputed(label, true); err != nil {
			t.Fatal(err)
		}
		if err := vs[1].store.Put("votes/"+lobby.String(), []byte("damaged"), []byte("nonsense")); err != nil {
			t.Fatal(err)
		}
		again := newVoter(t, g, 1, 2, vs[1].store)
		again.PostLoaded()
		changed := received[event.ProposalChanged](again)
		if len(changed) != 1 || !changed[0].History || changed[0].Proposal.State != vote.StatusDisputed || changed[0].Proposal.Mine != vote.Approve {
			t.Errorf("%+v", changed)
		}
		if _, on := again.SecureOnly(); on || again.Hash() != vs[1].Hash() {
			t.Errorf("on: %v, hash %s, want %s", on, again.Hash(), vs[1].Hash())
		}
	})
}

// A draft shows what would be sent, and how many peers in cleartext it would silence. Nothing is signed.
func TestPreview(t *testing.T) {
	inRoom(t, 3, func(t *testing.T, _ *group.Group, vs []*voter) {
		a := vs[0]
		a.room.mu.plain = 4
		p, err := a.Preview(secureOnly)
		if err != nil || p.ID != "" || p.Label != "#1" || p.Silenced != 4 || p.Need != 2 || len(p.Roll) != 3 {
			t.Errorf("%v, %+v", err, p)
		}
		if p, err := a.Preview(vote.Draft{Slot: vote.Topic, Action: "tea"}); err != nil || p.Silenced != 0 {
			t.Errorf("%v, %+v", err, p)
		}
		if _, err := a.Preview(vote.Draft{Slot: vote.SecureOnly, Action: vote.Off}); !errors.Is(err, vote.ErrNothingOn) {
			t.Errorf("off when nothing is on: %v", err)
		}
		if len(a.Proposals()) != 0 || len(a.room.mu.forwarded) != 0 {
			t.Error("a preview was sent")
		}
	})
}

// A proposal that no one decides expires by the clock, and is reported.
func TestExpiry(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		p, err := vs[0].Propose(vote.Draft{Slot: vote.Topic, Action: "tea", Duration: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		exchange(vs)
		if got := vs[1].lastProposal("#1"); !got.CanVote || got.State != vote.StatusOpen {
			t.Errorf("%+v", got)
		}
		pass(time.Until(p.Closes) + time.Millisecond)
		vs[1].Tick()
		if got := vs[1].lastProposal("#1"); got.CanVote || got.State != vote.StatusExpired {
			t.Errorf("%+v", got)
		}
		n := len(received[event.ProposalChanged](vs[1]))
		vs[1].Tick()
		if len(received[event.ProposalChanged](vs[1])) != n {
			t.Error("reported again")
		}
		if _, err := vs[1].Vote("#1", vote.Approve); !errors.Is(err, votes.ErrClosed) {
			t.Errorf("%v", err)
		}
		if _, _, err := vs[0].Certificate("#1"); err == nil {
			t.Error("it has a certificate")
		}
	})
}
