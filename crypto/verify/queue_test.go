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
func fill(g *group.Group, l *Queue, item Job, ctx context.Context) (accepted *int, ended chan error) {
	accepted, ended = new(int), make(chan error, 1)
	g.Go("reader", func(context.Context) {
		for {
			if err := l.Submit(ctx, item); err != nil {
				ended <- err
				return
			}
			*accepted++
		}
	})
	synctest.Wait()
	return accepted, ended
}

// A deliver that blocks holds up only its own reader, once the queue is full.
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
				stuck := p.OpenQueue(func(Result) { <-gate })
				ctx, cancel := context.WithCancel(t.Context())
				accepted, ended := fill(g, stuck, tc.item, ctx)
				time.Sleep(time.Second) // the workers are through with all that was accepted
				if *accepted != tc.want {
					t.Errorf("%d items accepted, want %d", *accepted, tc.want)
				}

				heard := 0
				other := p.OpenQueue(func(Result) { heard++ })
				defer other.Close()
				for range 1000 {
					other.Submit(t.Context(), Job{Claim: claims[1], More: true})
				}
				if err := other.Drain(t.Context()); err != nil || heard != 1000 {
					t.Errorf("beside a stuck queue: %v, %d of 1000 lines", err, heard)
				}

				before := *accepted
				for range 2 * MaxQueued {
					select {
					case gate <- struct{}{}:
					case <-time.After(time.Second):
						t.Fatal("nothing to deliver: the reader was not called again")
					}
				}
				synctest.Wait()
				// The reader is called when half of the queue is free.
				if *accepted-before < 2*MaxQueued-MaxQueued/2-2 {
					t.Errorf("%d accepted after %d deliveries", *accepted-before, 2*MaxQueued)
				}
				cancel()
				close(gate)
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("submit: %v", err)
				}
			})
		})
	}
}

// A Submit that was given up leaves nothing behind that trips the next one.
func TestSubmitGivesUpWithItsContext(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
		gate := make(chan struct{})
		delivered := 0
		l := p.OpenQueue(func(Result) { <-gate; delivered++ })
		defer l.Close()
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
			gate <- struct{}{} // a place becomes free with nobody waiting
			synctest.Wait()
		}
		close(gate)
		if err := l.Drain(t.Context()); err != nil || delivered != total {
			t.Errorf("drain: %v, %d of %d delivered", err, delivered, total)
		}
	})
}

func TestCloseWhileSubmitBlocks(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		gate := make(chan struct{})
		delivered := 0
		l := p.OpenQueue(func(Result) { delivered++; <-gate })
		_, ended := fill(g, l, Job{Claim: claims[0], More: true}, t.Context())
		time.Sleep(time.Second)
		l.Close()
		l.Close()
		if err := <-ended; err != ErrClosed {
			t.Errorf("submit: %v", err)
		}
		// The delivery that had begun is still under way: Drain waits for it.
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain with a delivery under way: %v", err)
		}
		close(gate)
		if err := l.Drain(t.Context()); err != ErrClosed {
			t.Errorf("drain: %v", err)
		}
		synctest.Wait()
		if delivered != 1 {
			t.Errorf("%d delivered, want the one that had begun before Close", delivered)
		}
		if err := l.Submit(t.Context(), Job{Value: 1}); err != ErrClosed {
			t.Errorf("submit after close: %v", err)
		}
	})
}

// Closed between the inline verification and the delivery: not delivered.
func TestCloseWhileVerifyingInline(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
		l := p.OpenQueue(func(Result) { t.Error("delivered after Close") })
		g.Go("closer", func(context.Context) {
			time.Sleep(10 * time.Microsecond)
			l.Close()
		})
		if err := l.Submit(t.Context(), Job{Claim: claims[0]}); err != ErrClosed {
			t.Errorf("submit: %v", err)
		}
	})
}

func TestCloseFromWithinDeliver(t *testing.T) {
	claims := lines(t, 1, nil)
	for _, more := range []bool{false, true} {
		bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
			var l *Queue
			delivered := 0
			l = p.OpenQueue(func(Result) { delivered++; l.Close() })
			for range 10 {
				l.Submit(t.Context(), Job{Claim: claims[0], More: more})
			}
			if err := l.Drain(t.Context()); err != ErrClosed || delivered != 1 {
				t.Errorf("more %v: drain: %v, %d delivered", more, err, delivered)
			}
		})
	}
}

// The end of the pool ends its queues: waiting callers return, and no delivery begins.
func TestPoolEnds(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		gate := make(chan struct{})
		delivered := 0
		l := p.OpenQueue(func(Result) { delivered++; <-gate })
		idle := p.OpenQueue(func(Result) {})
		_, ended := fill(g, l, Job{Claim: claims[0], More: true}, t.Context())
		time.Sleep(time.Second)
		g.Stop()
		if err := <-ended; err != ErrClosed {
			t.Errorf("submit: %v", err)
		}
		close(gate)
		g.Wait()
		if delivered != 1 {
			t.Errorf("%d delivered", delivered)
		}
		for _, l := range []*Queue{l, idle, p.OpenQueue(func(Result) {})} {
			if err := l.Submit(t.Context(), Job{Claim: claims[0]}); err != ErrClosed {
				t.Errorf("submit after the end: %v", err)
			}
			if err := l.Drain(t.Context()); err != ErrClosed {
				t.Errorf("drain after the end: %v", err)
			}
		}
	})
}
