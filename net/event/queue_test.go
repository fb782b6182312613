package event

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stat is worth only its newest value.
type stat struct{ peer, n int }

func (s stat) LatestKey() string { return fmt.Sprint(s.peer) }

const frame = time.Second / 60

// arrival is a batch and when it came.
type arrival struct {
	at    time.Duration
	batch Batch
}

// play runs a queue in a bubble while f posts, lets it idle for an hour and closes it.
func play(t *testing.T, f func(q *Queue)) (got []arrival) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q, start := NewQueue(), time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			q.Run(context.Background(), frame, func(batch Batch) {
				got = append(got, arrival{time.Since(start), batch})
			})
		}()
		f(q)
		time.Sleep(time.Hour)
		q.Close()
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

func TestBatchesArePaced(t *testing.T) {
	got := play(t, func(q *Queue) {
		q.Post("a")
		synctest.Wait()
		q.Post("b") // within the frame
		q.Post("c")
		time.Sleep(time.Second)
		q.Post("d") // after a pause: at once
	})
	want := []arrival{{0, Batch{"a"}}, {frame, Batch{"b", "c"}}, {time.Second, Batch{"d"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(arrival{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFloodIsAtMostSixtyBatchesASecond(t *testing.T) {
	const n = 100_000
	got := play(t, func(q *Queue) {
		for i := range n {
			q.Post(i)
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
	got := play(t, func(q *Queue) {
		q.Post("first")
		synctest.Wait()
		q.Post(stat{1, 1})
		q.Post(stat{2, 1})
		q.Post("message")
		q.Post(stat{1, 2})
	})
	want := Batch{"first", stat{2, 1}, "message", stat{1, 2}}
	if diff := cmp.Diff(want, all(got), cmp.AllowUnexported(stat{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A flood under one key takes a bounded number of places, however many messages wait beside it.
func TestReplacedMessagesTakeNoMemory(t *testing.T) {
	q := NewQueue()
	for i := range MaxQueued + 100 {
		q.Post(i)
	}
	for i := range 10 * MaxQueued {
		q.Post(stat{1, i})
	}
	if most := 2 * (MaxQueued + 101); len(q.queue) > most {
		t.Errorf("%d places, at most %d", len(q.queue), most)
	}
	batch := q.take()
	if len(batch) != MaxQueued+101 || batch[len(batch)-1] != (stat{1, 10*MaxQueued - 1}) {
		t.Errorf("%d arrived, the last %v", len(batch), batch[len(batch)-1])
	}
}

// Post never blocks, and WaitSpace waits for a reader that is slow.
func TestFullQueuePushesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		for i := range MaxQueued {
			q.Post(i)
		}
		q.WaitSpace(0, ofNobody) // returns: there is room for one more
		q.Post("full")
		waited := make(chan struct{})
		go func() {
			defer close(waited)
			q.WaitSpace(0, ofNobody)
		}()
		synctest.Wait()
		select {
		case <-waited:
			t.Fatal("a full queue has space")
		default:
		}
		ctx, stop := context.WithCancel(t.Context())
		var got Batch
		done := make(chan struct{})
		go func() {
			defer close(done)
			q.Run(ctx, 0, func(batch Batch) { got = append(got, batch...) })
		}()
		<-waited
		synctest.Wait()
		stop()
		<-done
		if len(got) != MaxQueued+1 || got[MaxQueued] != "full" {
			t.Errorf("%d arrived, the last %v", len(got), got[len(got)-1])
		}
		q.WaitSpace(0, ofNobody) // returns: Run has closed the queue
	})
}

func TestCloseLetsEveryoneGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		done := make(chan struct{}, 2)
		for i := range MaxQueued + 1 {
			q.Post(i)
		}
		for range 2 {
			go func() { q.WaitSpace(0, ofNobody); done <- struct{}{} }()
		}
		synctest.Wait()
		q.Close()
		q.Close()
		q.Post("after")
		<-done
		<-done
		q.Run(t.Context(), 0, func(Batch) { t.Error("a closed queue delivered") })
	})
}

// A replaced message makes room: it counts neither for WaitSpace nor in the next batch.
func TestReplacedMessagesLeaveSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		for i := range MaxQueued - 1 {
			q.Post(i)
		}
		for i := range 100 {
			q.Post(stat{1, i})
		}
		q.WaitSpace(0, ofNobody) // returns: MaxQueued messages wait
		if batch := q.take(); len(batch) != MaxQueued || batch[MaxQueued-1] != (stat{1, 99}) {
			t.Errorf("%d arrived, the last %v", len(batch), batch[len(batch)-1])
		}
		q.Post(stat{1, 100}) // the queue was emptied: nothing to replace
		q.Post("after")
		if diff := cmp.Diff(Batch{stat{1, 100}, "after"}, q.take(), cmp.AllowUnexported(stat{})); diff != "" {
			t.Errorf("after a batch (-want +got)\n%s", diff)
		}
		if batch := q.take(); len(batch) > 0 {
			t.Errorf("an empty queue holds %v", batch)
		}
	})
}

// ofNobody is the flow of work that no key is known of.
func ofNobody() (fair.Flow, int) { return fair.Flow{}, 0 }

func keyOf(i int) identity.Key { return identity.FromSeed([32]byte{byte(i), 1}).Key() }

// A flood fills its space only. A message of someone else goes into the next batch, though the flood's links waited
// before it, and the bytes that wait before it are bounded.
func TestWaitersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 16 << 10
		q := NewQueue()
		root := group.New(t.Context(), nil)
		defer root.Close()
		next, batches := make(chan struct{}), make(chan Batch)
		root.Go("reader", func(ctx context.Context) {
			q.Run(ctx, 0, func(b Batch) {
				select {
				case batches <- b:
				case <-ctx.Done():
				}
				select {
				case <-next:
				case <-ctx.Done():
				}
			})
		})
		for i := range 20 {
			root.Go("flood", func(ctx context.Context) {
				for n := 0; ctx.Err() == nil; n++ {
					q.WaitSpace(size, func() (fair.Flow, int) { return fair.Flow{Group: fair.Group{Kind: strconv.Itoa(i)}, Key: keyOf(i)}, 0 })
					q.Post("flood")
					q.Posted(size)
				}
			})
		}
		for range 5 {
			<-batches
			next <- struct{}{}
		}
		<-batches
		synctest.Wait()
		root.Go("honest", func(context.Context) {
			q.WaitSpace(300, func() (fair.Flow, int) { return fair.Flow{Key: keyOf(100)}, 0 })
			q.Post("honest")
			q.Posted(300)
		})
		synctest.Wait()
		ahead := 0 // of the flood, behind the batch that is handled
		for honest := false; !honest; {
			next <- struct{}{}
			for _, msg := range <-batches {
				if honest = honest || msg == "honest"; !honest {
					ahead++
				}
			}
			synctest.Wait()
		}
		if most := 2*maxBytes/size + 2; ahead > most {
			t.Errorf("%d messages of the flood came first, at most %d", ahead, most)
		}
		q.Close()
	})
}

// Those who were let in and bring nothing don't keep others out, and those who have yet to post do.
func TestNothingPostedLetsOthersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		waited := make(chan struct{})
		wait := func() {
			go func() {
				q.WaitSpace(maxPacedBytes, ofNobody)
				waited <- struct{}{}
			}()
			synctest.Wait()
		}
		expect := func(in bool, when string) {
			t.Helper()
			select {
			case <-waited:
				if !in {
					t.Error("let in ", when)
				}
			default:
				if in {
					t.Fatal("not let in ", when)
				}
			}
		}
		wait()
		expect(true, "to an empty queue")
		wait()
		expect(false, "before the first has posted")
		q.Posted(maxPacedBytes)
		synctest.Wait()
		expect(true, "when the first brought nothing")
		q.Post("one")
		wait()
		q.Posted(maxPacedBytes)
		synctest.Wait()
		expect(false, "to a full queue")
		q.take()
		synctest.Wait()
		expect(true, "when the queue was taken")
	})
}

// Messages that were posted before Run wait for it, and the end of its context ends Run in a pause.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		q.Post("early")
		ctx, stop := context.WithCancel(t.Context())
		start, batches := time.Now(), 0
		time.AfterFunc(time.Second, stop)
		q.Run(ctx, time.Hour, func(batch Batch) {
			batches++
			if diff := cmp.Diff(Batch{"early"}, batch); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
		if passed := time.Since(start); batches != 1 || passed != time.Second {
			t.Errorf("Run ended after %v and %d batches", passed, batches)
		}
		q.Post("late")
		if batch := q.take(); len(batch) > 0 {
			t.Errorf("a queue whose Run ended holds %v", batch)
		}
	})
}

func BenchmarkPost(b *testing.B) {
	q := NewQueue()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.Run(ctx, frame, func(Batch) {})
	}()
	b.ReportAllocs()
	for i := range b.N {
		q.Post(stat{i % 50, i})
	}
	stop()
	<-done
}
