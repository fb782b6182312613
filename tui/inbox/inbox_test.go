package inbox

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stat is worth only its newest value.
type stat struct{ peer, n int }

func (s stat) LatestKey() string { return fmt.Sprint(s.peer) }

// arrival is a batch and when it came.
type arrival struct {
	at    time.Duration
	batch Batch
}

// play runs an inbox in a bubble while f posts, lets it idle for an hour and closes it.
func play(t *testing.T, slow time.Duration, f func(b *Inbox)) (got []arrival) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, start := New(), time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Run(context.Background(), func(batch Batch) {
				got = append(got, arrival{time.Since(start), batch})
				time.Sleep(slow)
			})
		}()
		f(b)
		time.Sleep(time.Hour)
		b.Close()
		<-done
	})
	return got
}

func all(got []arrival) (msgs Batch) {
	for _, a := range got {
		msgs = append(msgs, a.batch...)
	}
	return msgs
}

func TestAtOnceThenAFrameApart(t *testing.T) {
	got := play(t, 0, func(b *Inbox) {
		b.Post("a")
		synctest.Wait()
		b.Post("b") // within the frame
		b.Post("c")
		time.Sleep(time.Second)
		b.Post("d") // after a pause: at once
	})
	want := []arrival{{0, Batch{"a"}}, {Frame, Batch{"b", "c"}}, {time.Second, Batch{"d"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(arrival{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAFloodIsAtMostSixtyBatchesASecond(t *testing.T) {
	const n = 100_000
	got := play(t, 0, func(b *Inbox) {
		for i := range n {
			b.Post(i)
			if i%100 == 99 {
				time.Sleep(time.Millisecond)
			}
		}
	})
	if len(got) > 61 {
		t.Errorf("%d batches in a second", len(got))
	}
	msgs := all(got)
	if len(msgs) != n {
		t.Fatalf("%d of %d messages arrived", len(msgs), n)
	}
	for i, m := range msgs {
		if m != i {
			t.Fatalf("message %d is %v", i, m)
		}
	}
}

func TestLatestReplacesAndStandsAtTheEnd(t *testing.T) {
	got := play(t, 0, func(b *Inbox) {
		b.Post("first")
		synctest.Wait()
		b.Post(stat{1, 1})
		b.Post(stat{2, 1})
		b.Post("line")
		b.Post(stat{1, 2})
		if b.Replaced() != 1 {
			t.Errorf("%d replaced, want 1", b.Replaced())
		}
	})
	want := Batch{"first", stat{2, 1}, "line", stat{1, 2}}
	if diff := cmp.Diff(want, all(got), cmp.AllowUnexported(stat{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Whoever posts what must arrive waits for a slow program; whoever replaces doesn't.
func TestAFullInboxPushesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		b.Post(stat{1, 0})
		for i := range Most - 1 {
			b.Post(i)
		}
		for i := range 5 * Most { // nobody takes anything, and there is room for none of it but the last
			b.Post(stat{1, i})
		}
		if len(b.queue) > 2*Most {
			t.Errorf("a flood of one key takes %d places", len(b.queue))
		}
		posted := make(chan struct{})
		go func() {
			defer close(posted)
			b.Post("waits")
		}()
		synctest.Wait()
		select {
		case <-posted:
			t.Fatal("a full inbox took one more")
		default:
		}
		ctx, stop := context.WithCancel(t.Context())
		var got Batch
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Run(ctx, func(batch Batch) { got = append(got, batch...) })
		}()
		<-posted
		time.Sleep(time.Second)
		stop()
		<-done
		if len(got) != Most+1 || got[Most] != "waits" || got[Most-1] != (stat{1, 5*Most - 1}) {
			t.Errorf("%d arrived, the last two %v", len(got), got[max(0, len(got)-2):])
		}
	})
}

func TestCloseLetsEverybodyGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		done := make(chan struct{}, 3)
		for i := range Most {
			b.Post(i)
		}
		for range 2 {
			go func() { b.Post("late"); done <- struct{}{} }()
		}
		synctest.Wait()
		b.Close()
		b.Close()
		b.Post("after") // returns
		<-done
		<-done
		b.Run(t.Context(), func(Batch) { t.Error("a closed inbox delivered") })
	})
}

func TestIdleInboxSleeps(t *testing.T) {
	got := play(t, 0, func(b *Inbox) {
		b.Post("only")
		time.Sleep(10 * time.Hour)
	})
	if len(got) != 1 {
		t.Errorf("%d batches for one message", len(got))
	}
}

func BenchmarkPost(b *testing.B) {
	in := New()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		in.Run(ctx, func(Batch) {})
	}()
	b.ReportAllocs()
	for i := range b.N {
		in.Post(stat{i % 50, i})
	}
	stop()
	<-done
}
