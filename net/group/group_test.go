package group

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPanicReportedOnceAndCancelsTheTree(t *testing.T) {
	var reports []*Panic
	var atReport error // the root's context while report runs
	var root *Group
	root = New(t.Context(), func(p *Panic) {
		reports = append(reports, p)
		atReport = root.Context().Err()
	})
	links := root.Child()
	link := links.Child()
	rooms := root.Child()

	var ended atomic.Int32
	for _, g := range []*Group{root, links, rooms} {
		g.Go("bystander", func(ctx context.Context) {
			<-ctx.Done()
			if p, ok := context.Cause(ctx).(*Panic); !ok || p.Name != "link/reader" && p.Name != "link/writer" {
				t.Errorf("cause = %v, want the panic", context.Cause(ctx))
			}
			ended.Add(1)
		})
	}
	gate := make(chan struct{})
	for _, name := range []string{"link/reader", "link/writer"} {
		link.Go(name, func(context.Context) {
			<-gate
			panic("boom")
		})
	}
	close(gate)
	root.Wait() // no Stop: the panic alone must end everything

	if ended.Load() != 3 {
		t.Errorf("%d bystanders ended, want 3", ended.Load())
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports, want 1", len(reports))
	}
	p := reports[0]
	if p.Value != "boom" || !strings.Contains(string(p.Stack), "TestPanicReportedOnce") {
		t.Errorf("panic value %v, stack:\n%s", p.Value, p.Stack)
	}
	if want := "internal error in " + p.Name + ": boom"; p.Error() != want {
		t.Errorf("Error() = %q, want %q", p.Error(), want)
	}
	if atReport != nil {
		t.Errorf("the context was cancelled before the report: %v", atReport)
	}
	for _, g := range []*Group{root, links, link, rooms} {
		if !errors.Is(g.Err(), p) {
			t.Errorf("Err() = %v, want the first panic", g.Err())
		}
	}
	root.Close()
}

func TestPanicWithoutReport(t *testing.T) {
	root := New(t.Context(), nil)
	root.Go("nil", func(context.Context) { _ = []int{}[len(root.children)] })
	root.Wait()
	var re runtime.Error
	p, ok := root.Err().(*Panic)
	if !ok {
		t.Fatalf("Err() = %v, want a *Panic", root.Err())
	}
	if err, ok := p.Value.(error); !ok || !errors.As(err, &re) {
		t.Errorf("value = %v, want a runtime error", p.Value)
	}
	root.Close()
}

func TestPanicAfterStopIsStillReported(t *testing.T) {
	var reports int
	root := New(t.Context(), func(*Panic) { reports++ })
	root.Go("goodbye", func(ctx context.Context) {
		<-ctx.Done()
		panic("while leaving")
	})
	root.Close()
	if reports != 1 || root.Err() == nil {
		t.Errorf("reports = %d, Err = %v", reports, root.Err())
	}
	if cause := context.Cause(root.Context()); cause != ErrStopped {
		t.Errorf("cause = %v, want ErrStopped, which came first", cause)
	}
}

func TestErrWithoutPanicIsNil(t *testing.T) {
	root := New(t.Context(), nil)
	root.Go("calm", func(context.Context) {})
	root.Close()
	if err := root.Err(); err != nil { // a typed nil would be != nil
		t.Errorf("Err() = %v, want nil", err)
	}
}

func TestGoAfterStopIsRefused(t *testing.T) {
	root := New(t.Context(), nil)
	before := root.Child()
	root.Stop()
	root.Stop()
	after := root.Child()
	for name, g := range map[string]*Group{"root": root, "child made before": before, "child made after": after} {
		if g.Go("late", func(context.Context) { t.Errorf("%s: started after Stop", name) }) {
			t.Errorf("%s: Go = true after Stop", name)
		}
		if context.Cause(g.Context()) != ErrStopped {
			t.Errorf("%s: cause = %v, want ErrStopped", name, context.Cause(g.Context()))
		}
	}
	root.Close()
	after.Close()
}

func TestChildClosedAlone(t *testing.T) {
	root := New(t.Context(), nil)
	a, b := root.Child(), root.Child()
	var aDone, bDone atomic.Bool
	a.Go("a", func(ctx context.Context) { <-ctx.Done(); aDone.Store(true) })
	b.Go("b", func(ctx context.Context) { <-ctx.Done(); bDone.Store(true) })
	a.Close()
	if !aDone.Load() {
		t.Error("Close returned before the child's goroutine")
	}
	if bDone.Load() || b.Context().Err() != nil || root.Context().Err() != nil {
		t.Error("closing one child touched its sibling or its parent")
	}
	root.Close()
	if !bDone.Load() {
		t.Error("the parent's Close returned before the other child's goroutine")
	}
}

func TestCloseWaitsForSlowGrandchildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		root := New(t.Context(), nil)
		slow := func(g *Group, d time.Duration) {
			g.Go("slow", func(ctx context.Context) {
				<-ctx.Done()
				time.Sleep(d)
			})
		}
		middle := root.Child()
		slow(root, time.Second)
		slow(middle.Child(), 7*time.Second)
		slow(middle.Child(), 3*time.Second)
		// Stopped, and without a goroutine of its own: the parent must still wait for what is
		// below it, also after another Child has swept the list.
		middle.Stop()
		root.Child()
		var waiters sync.WaitGroup
		for range 3 { // all of them wait, not only the first
			waiters.Go(func() {
				root.Close()
				if got := time.Since(start); got != 7*time.Second {
					t.Errorf("Close took %v, want 7s", got)
				}
			})
		}
		waiters.Wait()
	})
}

func TestWaitSeesLateGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		root := New(t.Context(), nil)
		child := root.Child()
		child.Go("first", func(context.Context) {
			time.Sleep(time.Second)
			root.Go("second", func(context.Context) {
				time.Sleep(time.Second)
				root.Child().Go("third", func(context.Context) { time.Sleep(time.Second) })
			})
		})
		root.Wait()
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("Wait took %v, want 3s", got)
		}
		if root.Context().Err() != nil {
			t.Error("Wait stopped the group")
		}
		root.Close()
	})
}

func TestStopDuringWaitReachesChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := New(t.Context(), nil)
		child := root.Child()
		child.Go("child", func(ctx context.Context) { <-ctx.Done() })
		waited := make(chan struct{})
		go func() { root.Wait(); close(waited) }()
		synctest.Wait() // the waiter is inside the child by now
		root.Stop()
		<-waited
		if child.Go("late", func(context.Context) {}) {
			t.Error("a child that was being waited for was not stopped")
		}
	})
}

func TestParentContextEndsTheTree(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	root := New(ctx, nil)
	sigterm := errors.New("terminated")
	got := make(chan error, 1)
	root.Child().Go("child", func(ctx context.Context) { <-ctx.Done(); got <- context.Cause(ctx) })
	cancel(sigterm)
	if err := <-got; err != sigterm {
		t.Errorf("cause = %v, want %v", err, sigterm)
	}
	ran := make(chan error, 1)
	if !root.Go("goodbye", func(ctx context.Context) { ran <- ctx.Err() }) {
		t.Error("Go refused before Stop")
	} else if err := <-ran; err == nil {
		t.Error("the context of a goroutine started after the end is not cancelled")
	}
	root.Close()
}

func TestClosedChildrenAreDropped(t *testing.T) {
	root := New(t.Context(), nil)
	defer root.Close()
	keep := root.Child()
	for range 10_000 {
		c := root.Child()
		c.Go("link", func(ctx context.Context) { <-ctx.Done() })
		c.Close()
	}
	root.mu.Lock()
	n, first := len(root.children), root.children[0]
	root.mu.Unlock()
	if n > 2 || first != keep {
		t.Errorf("%d children kept, want the live one and at most the last closed one", n)
	}
}

func TestGoexitCountsAsReturn(t *testing.T) {
	root := New(t.Context(), func(p *Panic) { t.Errorf("Goexit reported as %v", p) })
	root.Go("exit", func(context.Context) { runtime.Goexit() })
	root.Close()
}

// TestStorm has everyone start, stop and wait at once, for the race detector.
func TestStorm(t *testing.T) {
	root := New(t.Context(), nil)
	var started, returned atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for i := range 200 {
				c := root.Child()
				for range 3 {
					if c.Go("worker", func(ctx context.Context) { <-ctx.Done(); returned.Add(1) }) {
						started.Add(1)
					}
				}
				switch i % 4 {
				case 0:
					c.Stop()
				case 1:
					c.Close()
				case 2:
					c.Child().Close()
				}
				if i == 150 {
					root.Stop()
				}
			}
		})
	}
	callers.Wait()
	root.Close()
	if started.Load() != returned.Load() || started.Load() == 0 {
		t.Errorf("%d started, %d returned", started.Load(), returned.Load())
	}
}

// TestSleep checks how long Sleep takes, and what it reports, for each of its ends.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		for _, c := range []struct {
			ctx  context.Context
			d    time.Duration
			wake chan struct{}
			took time.Duration
			want bool
		}{
			{t.Context(), time.Minute, nil, time.Minute, true},
			{t.Context(), 0, nil, 0, true},
			{t.Context(), time.Minute, wake, 0, true},
			{ended, 0, nil, 0, false},
			{ended, time.Minute, nil, 0, false},
		} {
			start := time.Now()
			if got := Sleep(c.ctx, c.d, c.wake); got != c.want || time.Since(start) != c.took {
				t.Errorf("Sleep for %v gives %v after %v, want %v after %v", c.d, got, time.Since(start), c.want, c.took)
			}
		}
		if Sleep(short, time.Minute, nil) {
			t.Error("Sleep outlasted its context")
		}
	})
}
