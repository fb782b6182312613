package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines makes n claims of one author's chat lines; those with an index in bad carry a signature
// that is not theirs.
func lines(tb testing.TB, n int, bad func(i int) bool) []*record.Claim {
	tb.Helper()
	author := identity.FromSeed([32]byte{1})
	claims := make([]*record.Claim, n)
	for i := range claims {
		r, err := record.Sign(author, record.Body{
			Room: record.OpenRoom("test"), Feed: 1, Seq: uint64(i + 1), Prev: record.ID{1},
			Time: record.Time{Ms: int64(i)}, Kind: record.KindChat, Data: record.TextData(fmt.Sprintf("line %d", i)),
		})
		if err != nil {
			tb.Fatal(err)
		}
		signature := r.Signature()
		if bad != nil && bad(i) {
			signature[0] ^= 1
		}
		if claims[i], err = record.Parse(r.Signed(), signature); err != nil {
			tb.Fatal(err)
		}
	}
	return claims
}

// link uses a queue as a link does: one goroutine submits, and another handles what comes later.
type link struct {
	*Queue
	handle  func(*Result)
	handled chan struct{} // closed when the second goroutine has returned
}

func openLink(g *group.Group, p *Pool, handle func(*Result)) *link {
	l := &link{p.OpenQueue(), handle, make(chan struct{})}
	next := func(context.Context) {
		defer close(l.handled)
		for r := l.Next(); r != nil; r = l.Next() {
			l.handle(r)
		}
	}
	if !g.Go("link", next) {
		close(l.handled)
	}
	return l
}

func (l *link) submit(ctx context.Context, item Job) error {
	r, err := l.Submit(ctx, item)
	if r != nil {
		l.handle(r)
	}
	return err
}

// drain waits until all that was submitted is handled.
func (l *link) drain() {
	l.End()
	<-l.handled
}

// text returns a result in a form that can be compared: each record by its id, each error by its kind.
func text(r *Result) string {
	one := func(r *record.Record, err error) string {
		switch {
		case r != nil && err == nil:
			return r.ID().String()[:8]
		case r == nil && errors.Is(err, record.ErrSignature):
			return "bad"
		}
		return fmt.Sprintf("(%v, %v)", r, err)
	}
	out := fmt.Sprint(r.Value, ":")
	if r.Record != nil || r.Err != nil {
		out += " " + one(r.Record, r.Err)
	}
	if r.Errs != nil && len(r.Errs) != len(r.Records) {
		return fmt.Sprintf("%d errors for %d records", len(r.Errs), len(r.Records))
	}
	for i := range r.Records {
		var err error
		if r.Errs != nil {
			err = r.Errs[i]
		}
		out += " " + one(r.Records[i], err)
	}
	return out
}

// Each queue delivers all its jobs, in order and one at a time, with good and bad signatures in
// place. Several queues submit, and verifications take random times.
func TestOrder(t *testing.T) {
	bad := func(i int) bool { return i%7 == 3 }
	claims := lines(t, 64, bad)
	outcome := func(i int) string {
		if bad(i) {
			return " bad"
		}
		return " " + claims[i].ID().String()[:8]
	}
	rapid.Check(t, func(t *rapid.T) {
		g := group.New(context.Background(), nil)
		defer g.Close()
		p := start(g, rapid.IntRange(1, 4).Draw(t, "workers"), func(c *record.Claim) (*record.Record, error) {
			for range rand.IntN(20) {
				runtime.Gosched()
			}
			return c.Verify()
		})
		var readers sync.WaitGroup
		defer readers.Wait()
		for queue := range rapid.IntRange(1, 3).Draw(t, "queues") {
			var items []Job
			var want []string
			for n := range rapid.IntRange(0, 80).Draw(t, "items") {
				item := Job{Value: fmt.Sprint(queue, "/", n), More: rapid.Bool().Draw(t, "more")}
				expect := fmt.Sprint(item.Value, ":")
				switch rapid.IntRange(0, 3).Draw(t, "form") {
				case 0: // nothing to verify
				case 1:
					for range rapid.IntRange(0, 20).Draw(t, "claims") {
						i := rapid.IntRange(0, len(claims)-1).Draw(t, "claim")
						item.Claims = append(item.Claims, claims[i])
						expect += outcome(i)
					}
				default:
					i := rapid.IntRange(0, len(claims)-1).Draw(t, "claim")
					item.Claim = claims[i]
					expect += outcome(i)
				}
				items, want = append(items, item), append(want, expect)
			}
			readers.Go(func() {
				var got []string // unguarded: the race detector sees two deliveries at once
				l := openLink(g, p, func(r *Result) { got = append(got, text(r)) })
				defer l.Close()
				for _, item := range items {
					if err := l.submit(g.Context(), item); err != nil {
						t.Errorf("submit: %v", err)
					}
				}
				l.drain()
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("queue %d (-want +got):\n%s", queue, d)
				}
			})
		}
	})
}

// bubble runs f in a synctest bubble with a pool in which each verification takes 50 µs of its time.
func bubble(t *testing.T, workers int, f func(t *testing.T, g *group.Group, p *Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := group.New(t.Context(), nil)
		defer g.Close()
		f(t, g, start(g, workers, func(c *record.Claim) (*record.Record, error) {
			time.Sleep(50 * time.Microsecond)
			return c.Verify()
		}))
	})
}

// Submit verifies a lone line. A line with more behind it goes to the workers, and so does a batch.
func TestInlineOnlyWhenAlone(t *testing.T) {
	claims := lines(t, 4, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		l := openLink(g, p, func(*Result) {})
		defer l.drain()
		for _, s := range []struct {
			name   string
			item   Job
			inline bool
			took   time.Duration
		}{
			{"alone", Job{Claim: claims[0]}, true, 50 * time.Microsecond},
			{"more behind it", Job{Claim: claims[1], More: true}, false, 50 * time.Microsecond},
			{"batch", Job{Claims: claims}, false, 100 * time.Microsecond}, // 4 claims on 2 workers
			{"batch of one", Job{Claims: claims[:1]}, true, 50 * time.Microsecond},
			{"nothing to verify", Job{Value: "bye", More: true}, true, 0},
		} {
			begun, handled := time.Now(), make(chan time.Time, 1)
			l.handle = func(*Result) { handled <- time.Now() }
			r, err := l.Submit(t.Context(), s.item)
			if err != nil {
				t.Fatal(err)
			}
			if got := r != nil; got != s.inline {
				t.Errorf("%s: verified by Submit: %v, want %v", s.name, got, s.inline)
			}
			if r != nil {
				l.handle(r)
			}
			if took := (<-handled).Sub(begun); took != s.took {
				t.Errorf("%s: took %v, want %v", s.name, took, s.took)
			}
			synctest.Wait() // the queue is at rest
		}
	})
}

// Submit returns no result while the one that Next returned is still handled.
func TestNotInlineWhileHandling(t *testing.T) {
	claims := lines(t, 2, nil)
	for _, item := range []Job{{Claim: claims[1]}, {Value: "bye"}} {
		bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
			gate, handled := make(chan struct{}), 0
			l := openLink(g, p, func(*Result) { <-gate; handled++ })
			l.submit(t.Context(), Job{Claim: claims[0], More: true})
			time.Sleep(time.Millisecond) // it is being handled
			if r, err := l.Submit(t.Context(), item); r != nil || err != nil {
				t.Errorf("submit: %v, %v", r, err)
			}
			close(gate)
			if l.drain(); handled != 2 {
				t.Errorf("%d handled", handled)
			}
		})
	}
}

// A message without a signature never overtakes the records before it.
func TestPassThroughKeepsItsPlace(t *testing.T) {
	claims := lines(t, 3, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		var got []any
		l := openLink(g, p, func(r *Result) { got = append(got, r.Value) })
		for i, c := range claims {
			l.submit(t.Context(), Job{Claim: c, Value: i, More: true})
		}
		l.submit(t.Context(), Job{Value: "bye"})
		synctest.Wait()
		if len(got) != 0 {
			t.Fatalf("delivered before anything was verified: %v", got)
		}
		l.drain()
		if d := cmp.Diff([]any{0, 1, 2, "bye"}, got); d != "" {
			t.Error(d)
		}
	})
}

// Two readers flood, and another queue submits single messages. The number of workers bounds how
// many claims of the flood begin while a message waits, however much is queued.
func TestFloodDelaysOthersByOneClaimPerWorker(t *testing.T) {
	const flood, workers = 100_000, 3
	claims := lines(t, 2, nil)
	synctest.Test(t, func(t *testing.T) {
		g := group.New(t.Context(), nil)
		defer g.Close()
		var mu sync.Mutex
		begun := 0 // claims of the flood
		p := start(g, workers, func(c *record.Claim) (*record.Record, error) {
			if c == claims[0] {
				mu.Lock()
				begun++
				mu.Unlock()
			}
			time.Sleep(50 * time.Microsecond)
			return nil, nil
		})
		served := func() int { mu.Lock(); defer mu.Unlock(); return begun }

		var floods [2]*link
		for i := range floods {
			floods[i] = openLink(g, p, func(*Result) {})
			g.Go("flood", func(ctx context.Context) {
				for range flood / len(floods) {
					if floods[i].submit(ctx, Job{Claim: claims[0], More: true}) != nil {
						return // the test is over
					}
				}
			})
		}
		at := make(chan int) // the flood's claims begun when the line came out
		quiet := openLink(g, p, func(*Result) { at <- served() })
		for range 1000 {
			time.Sleep(777 * time.Microsecond)
			before := served()
			if before == flood {
				t.Fatal("the flood ended too soon to show anything")
			}
			quiet.submit(t.Context(), Job{Claim: claims[1], More: true})
			// Each worker may begin one of each flooding queue before the turn comes to the quiet
			// one, and one while the line is verified.
			if n := <-at - before; n > workers+len(floods) {
				t.Fatalf("%d of the flood's claims went before one line", n)
			}
		}
	})
}
