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

// text returns a result in a form that can be compared: each record by its id, each error by its kind.
func text(r Result) string {
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
				l := p.OpenQueue(func(r Result) { got = append(got, text(r)) })
				defer l.Close()
				for _, item := range items {
					if err := l.Submit(g.Context(), item); err != nil {
						t.Errorf("submit: %v", err)
					}
				}
				if err := l.Drain(g.Context()); err != nil {
					t.Errorf("drain: %v", err)
				}
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

// A lone line is delivered before Submit returns; one on its heels, or with more behind it, goes to
// the workers; so does a batch.
func TestInlineOnlyWhenAlone(t *testing.T) {
	claims := lines(t, 4, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		delivered := 0
		l := p.OpenQueue(func(Result) { delivered++ })
		steps := []struct {
			name   string
			after  time.Duration // since the last was delivered
			item   Job
			inline bool
		}{
			{"first", 0, Job{Claim: claims[0]}, true},
			{"at once after it", 0, Job{Claim: claims[1]}, false},
			{"after a pause", time.Millisecond, Job{Claim: claims[1]}, true},
			{"more behind it", time.Millisecond, Job{Claim: claims[1], More: true}, false},
			{"batch", time.Millisecond, Job{Claims: claims}, false},
			{"batch of one", time.Millisecond, Job{Claims: claims[:1]}, true},
			{"nothing to verify", 0, Job{Value: "bye", More: true}, true},
		}
		for i, s := range steps {
			time.Sleep(s.after)
			begun := time.Now()
			if err := l.Submit(t.Context(), s.item); err != nil {
				t.Fatal(err)
			}
			if got := delivered == i+1; got != s.inline {
				t.Errorf("%s: delivered by Submit: %v, want %v", s.name, got, s.inline)
			}
			if err := l.Drain(t.Context()); err != nil || delivered != i+1 {
				t.Fatalf("%s: drain: %v, %d delivered", s.name, err, delivered)
			}
			if s.name == "batch" && time.Since(begun) != 100*time.Microsecond {
				t.Errorf("4 claims on 2 workers took %v, want 2 × 50 µs", time.Since(begun))
			}
		}
		l.Close()
	})
}

// A message without a signature never overtakes the records before it.
func TestPassThroughKeepsItsPlace(t *testing.T) {
	claims := lines(t, 3, nil)
	bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
		var got []any
		l := p.OpenQueue(func(r Result) { got = append(got, r.Value) })
		defer l.Close()
		for i, c := range claims {
			l.Submit(t.Context(), Job{Claim: c, Value: i, More: true})
		}
		l.Submit(t.Context(), Job{Value: "bye"})
		synctest.Wait()
		if len(got) != 0 {
			t.Fatalf("delivered before anything was verified: %v", got)
		}
		l.Drain(t.Context())
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

		var floods [2]*Queue
		for i := range floods {
			floods[i] = p.OpenQueue(func(Result) {})
			g.Go("flood", func(ctx context.Context) {
				for range flood / len(floods) {
					if floods[i].Submit(ctx, Job{Claim: claims[0], More: true}) != nil {
						return // the test is over
					}
				}
			})
		}
		var at int // the flood's claims begun when the line came out
		quiet := p.OpenQueue(func(Result) { at = served() })
		for range 1000 {
			time.Sleep(777 * time.Microsecond)
			before := served()
			if before == flood {
				t.Fatal("the flood ended too soon to show anything")
			}
			quiet.Submit(t.Context(), Job{Claim: claims[1], More: true})
			if err := quiet.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			// Each worker may begin one of each flooding queue before the turn comes to the quiet
			// one, and one while the line is verified.
			if n := at - before; n > workers+len(floods) {
				t.Fatalf("%d of the flood's claims went before one line", n)
			}
		}
	})
}
