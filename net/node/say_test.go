package node

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// Long text goes out in several lines, cut at line or character ends; nothing of it is lost but the
// line ends that it was cut at. What is too long is refused whole.
func TestLongText(t *testing.T) {
	together(t, 14, 2, func(t *testing.T, w *town, p []*person) {
		lines := strings.Repeat("a line of some length\n", 2000) + "and the last"
		if err := p[0].Say(lines); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		got := p[1].texts("p0")
		if strings.Join(got, "\n") != lines {
			t.Errorf("%d lines came, of other text", len(got))
		}
		wide := strings.Repeat("é", record.MaxText) // two bytes each
		if err := p[0].Say(wide); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		wider := p[1].texts("p0")[len(got):]
		if strings.Join(wider, "") != wide || len(wider) != 2 {
			t.Errorf("a line without an end came in %d pieces", len(wider))
		}
		if err := p[0].Say(strings.Repeat("x", 1<<20+1)); err == nil || !strings.Contains(err.Error(), fmt.Sprint(1<<20+1)) {
			t.Errorf("got %v, want an error that names the size", err)
		}
		if err := p[0].Say(" \n\t"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if more := p[1].texts("p0")[len(got)+len(wider):]; len(more) != 0 {
			t.Errorf("%d lines came of what was refused, and of nothing", len(more))
		}
	})
}

// feed says lines as a pipe does, for d, and returns how many.
func feed(t *testing.T, p *person, d time.Duration) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	text := strings.Repeat("x", 300)
	for ; p.WaitWritable(ctx) == nil; n++ {
		if err := p.Say(text); err != nil {
			t.Fatal(err)
		}
		if n == 50_000 {
			t.Fatal("nothing holds the pipe back")
		}
	}
	return n
}

// A pipe runs as fast as the fastest peer takes it, and no faster, also when all are behind: what was
// said and not taken is bounded. No one there: it waits.
func TestPipeFollowsTheFastest(t *testing.T) {
	inTown(t, 15, func(t *testing.T, w *town) {
		w.net.SetDefault(memnet.Link{MinLatency: 5 * time.Millisecond, MaxLatency: 5 * time.Millisecond})
		p0 := w.move(0)
		if n := feed(t, p0, 5*time.Second); n != 0 {
			t.Errorf("%d lines said to nobody", n)
		}
		p1, p2 := w.move(1), w.move(2)
		time.Sleep(5 * time.Second)
		p1.host.SetBandwidth(0, 200_000)
		p2.host.SetBandwidth(0, 1)
		n := feed(t, p0, 20*time.Second)
		heard := len(p1.texts("p0"))
		if lag := n - heard; lag > 1024+4096+memnet.Buffer/300 {
			t.Errorf("%d lines said, %d heard by the fastest", n, heard)
		}
		if least := 20 * 200_000 / 1000; heard < least/2 {
			t.Errorf("%d lines heard: the stuck one holds up the other", heard)
		}
		p1.host.SetBandwidth(0, 1) // now no one takes anything
		if more := feed(t, p0, time.Minute); more > 1024+4096 {
			t.Errorf("%d more lines said while nobody takes any", more)
		}
	})
}

// A stranger that reads nothing doesn't hold up a pipe. Only somebody who sends unsigned messages waits for it,
// since they can't be had again, and only once.
func TestPipeDoesNotWaitForAStuckStranger(t *testing.T) {
	inTown(t, 16, func(t *testing.T, w *town) {
		p0, p1 := w.move(0), w.move(1)
		time.Sleep(5 * time.Second)
		p1.host.SetBandwidth(0, 1)
		frame, err := wire.Encode(wire.Typing{Room: p0.ID(), On: true})
		if err != nil {
			t.Fatal(err)
		}
		l := linkTo(p0.Node, p1.Self().Key)
		for range 20 { // until its queue and what is behind that are full
			for l.Control(frame) {
			}
			time.Sleep(10 * time.Millisecond)
		}
		waited := func() time.Duration {
			began := time.Now()
			if err := p0.WaitWritable(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		if took := waited(); took > 0 {
			t.Errorf("a message waits for %v", took)
		}
		if err := p0.Unsigned("no one can ask for this again"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []time.Duration{stuckAfter, 0, 0} {
			if took := waited(); took != want {
				t.Errorf("message %d after an unsigned one waits for %v, want %v", i, took, want)
			}
		}
		time.Sleep(stuckAfter)
		if took := waited(); took > 0 {
			t.Errorf("a message waits for %v long after an unsigned one", took)
		}
	})
}
