package verify

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/group"
)

// fill submits the item until Submit blocks, and reports through the result how many were accepted
// and, when it has ended, with what error. Inside a bubble.
func fill(g *group.Group, l *link, item Job, ctx context.Context) (accepted *int, ended chan error) {
	accepted, ended = new(int), make(chan error, 1)
	g.Go("reader", func(context.Context) {
		for {
			if err := l.submit(ctx, item); err != nil {
				ended <- err
				return
			}
			*accepted++
		}
	})
	synctest.Wait()
	return accepted, ended
}

// A link that handles nothing holds up only its own reader, once the queue is full.
func TestFullQueueHoldsItsReaderOnly(t *testing.T) {
	claims := lines(t, 2, nil)
	for _, tc := range []struct {
		name string
		item Job
		want int
	}{
		{"claims", Job{Claim: claims[0], More: true}, MaxQueued},
		{"batches", Job{Claims: claims, More: true}, MaxQueued / 2},
		{"bytes", Job{Claim: claims[0], More: true, Size: MaxBytes / 4}, 4},
		{"over the limit by itself", Job{Claim: claims[0], More: true, Size: MaxBytes + 1}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
				gate := make(chan struct{})
				stuck := openLink(g, p, func(*Result) { <-gate })
				ctx, cancel := context.WithCancel(t.Context())
				accepted, ended := fill(g, stuck, tc.item, ctx)
				time.Sleep(time.Second) // the workers are through with all that was accepted
				if *accepted != tc.want {
					t.Errorf("%d items accepted, want %d", *accepted, tc.want)
				}

				heard := 0
				other := openLink(g, p, func(*Result) { heard++ })
				for range 1000 {
					other.submit(t.Context(), Job{Claim: claims[1], More: true})
				}
				if other.drain(); heard != 1000 {
					t.Errorf("beside a stuck queue: %d of 1000 lines", heard)
				}

				before := *accepted
				for range 2 * MaxQueued {
					select {
					case gate <- struct{}{}:
					case <-time.After(time.Second):
						t.Fatal("nothing to handle: the reader was not called again")
					}
				}
				synctest.Wait()
				// The reader is called when half of the queue is free.
				if *accepted-before < 2*MaxQueued-MaxQueued/2-2 {
					t.Errorf("%d accepted after %d were handled", *accepted-before, 2*MaxQueued)
				}
				cancel()
				close(gate)
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("submit: %v", err)
				}
				stuck.drain()
			})
		})
	}
}

// A Submit that was given up leaves nothing behind that trips the next one.
func TestSubmitGivesUpWithItsContext(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
		gate := make(chan struct{})
		handled := 0
		l := openLink(g, p, func(*Result) { <-gate; handled++ })
		item := Job{Claim: claims[0], More: true, Size: MaxBytes / 2}
		total := 0
		for range 3 {
			why := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			accepted, ended := fill(g, l, item, ctx)
			cancel(why)
			if err := <-ended; err != why {
				t.Errorf("submit: %v, want the cause of its context's end", err)
			}
			total += *accepted
			gate <- struct{}{} // a place becomes free with no one waiting
			synctest.Wait()
		}
		close(gate)
		if l.drain(); handled != total {
			t.Errorf("%d of %d handled", handled, total)
		}
	})
}

func TestCloseWhileSubmitBlocks(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		gate := make(chan struct{})
		handled := 0
		l := openLink(g, p, func(*Result) { handled++; <-gate })
		_, ended := fill(g, l, Job{Claim: claims[0], More: true}, t.Context())
		time.Sleep(time.Second)
		l.Close()
		l.Close()
		if err := <-ended; err != ErrClosed {
			t.Errorf("submit: %v", err)
		}
		close(gate)
		if l.drain(); handled != 1 {
			t.Errorf("%d handled, want the one that had begun before Close", handled)
		}
		if err := l.submit(t.Context(), Job{Value: 1}); err != ErrClosed {
			t.Errorf("submit after close: %v", err)
		}
	})
}

// Close ends a Next that waits, whether for a first job or for the workers.
func TestCloseWhileNextWaits(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
		for _, submit := range []bool{false, true} {
			l := openLink(g, p, func(*Result) { t.Error("handled after Close") })
			if submit {
				l.submit(t.Context(), Job{Claim: claims[0], More: true})
			}
			synctest.Wait()
			l.Close()
			<-l.handled
		}
	})
}

// Closed during the inline verification: the job is not accepted.
func TestCloseWhileVerifyingInline(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
		l := openLink(g, p, func(*Result) { t.Error("handled after Close") })
		g.Go("closer", func(context.Context) {
			time.Sleep(10 * time.Microsecond)
			l.Close()
		})
		if err := l.submit(t.Context(), Job{Claim: claims[0]}); err != ErrClosed {
			t.Errorf("submit: %v", err)
		}
	})
}

// The end of the pool ends its queues: waiting callers return, and nothing comes out any more.
func TestPoolEnds(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 2, func(t *testing.T, links *group.Group, _ *Pool) {
		g := group.New(t.Context(), nil)
		p := Start(g, 2)
		gate := make(chan struct{})
		handled := 0
		l := openLink(links, p, func(*Result) { handled++; <-gate })
		idle := openLink(links, p, func(*Result) {})
		_, ended := fill(links, l, Job{Claim: claims[0], More: true}, t.Context())
		g.Close()
		if err := <-ended; err != ErrClosed {
			t.Errorf("submit: %v", err)
		}
		close(gate)
		if <-l.handled; handled != 1 {
			t.Errorf("%d handled", handled)
		}
		for _, l := range []*link{l, idle, openLink(links, p, func(*Result) {})} {
			<-l.handled
			if err := l.submit(t.Context(), Job{Claim: claims[0]}); err != ErrClosed {
				t.Errorf("submit after the end: %v", err)
			}
		}
	})
}
