package node

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/vote"
)

// stiff is a store whose Sync takes its time, or fails.
type stiff struct {
	*store.Mem
	slow time.Duration
	full atomic.Bool
}

var errStiff = errors.New("no space left on device")

func (s *stiff) Sync(ctx context.Context) error {
	select {
	case <-time.After(s.slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.full.Load() {
		return errStiff
	}
	return s.Mem.Sync(ctx)
}

// What one signs about votes is on disk before anyone hears of it. What can't be saved isn't sent, which
// is said, and one may vote again.
func TestABallotIsKeptBeforeItIsSent(t *testing.T) {
	for _, slow := range []time.Duration{10 * time.Millisecond, 2 * time.Second} {
		t.Run(slow.String(), func(t *testing.T) {
			inTown(t, 51, func(t *testing.T, w *town) {
				disk := &stiff{Mem: store.NewMem(lobby, 0), slow: slow}
				a, b := w.move(0), w.move(1, shelf(disk))
				pass(10 * time.Second)
				p := propose(t, a, wishOn)
				pass(time.Second)
				seen := func(q *person) int { return q.last("#1").Yes }

				disk.full.Store(true)
				_, err := b.Vote(p.ID, vote.Approve)
				pass(slow + time.Second)
				if slow < time.Second && (err == nil || !strings.Contains(err.Error(), "not sent")) {
					t.Errorf("got %v", err)
				}
				if slow > time.Second {
					said := false
					for _, n := range told[event.Notice](&b.ear) {
						said = said || n.Level == event.Error && strings.Contains(n.Text, "not sent")
					}
					if err != nil || !said {
						t.Errorf("got %v, said %v", err, said)
					}
				}
				if seen(a) != 1 || seen(b) != 1 || a.on() || b.on() {
					t.Errorf("a ballot that wasn't saved counts: %d, %d", seen(a), seen(b))
				}
				if left, _ := disk.ListValues(t.Context(), "votes/"+b.Replica.ID()); len(left) != 2 {
					t.Errorf("%d vote records are kept, want the proposal and its author's ballot", len(left))
				}

				disk.full.Store(false)
				began := time.Now()
				done := make(chan error, 1)
				w.root.Go("test/vote", func(context.Context) {
					_, err := b.Vote(p.ID, vote.Approve)
					done <- err
				})
				synctest.Wait()
				for time.Since(began) < slow {
					if seen(a) != 1 {
						t.Fatal("sent before it was saved")
					}
					pass(slow / 10)
				}
				pass(time.Second)
				if err := <-done; err != nil || seen(a) != 2 || !a.on() || !b.on() {
					t.Errorf("%v, %d approvals", err, seen(a))
				}
			})
		})
	}
}
