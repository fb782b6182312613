package screen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeDisplay notes what is written and when, and takes its time.
type fakeDisplay struct {
	slow   time.Duration
	err    error
	takes  atomic.Uint64
	start  time.Time
	frames []time.Duration
	out    strings.Builder
}

func (d *fakeDisplay) size() (int, int) { return 40, 2 }

func (d *fakeDisplay) countTakes() uint64 { return d.takes.Load() }

func (d *fakeDisplay) write(b []byte, takes uint64) error {
	if takes != d.takes.Load() {
		return errReleased
	}
	d.frames = append(d.frames, time.Since(d.start))
	time.Sleep(d.slow)
	if d.err == nil {
		d.out.Write(b)
	}
	return d.err
}

// paintFor runs a painter on d in a bubble while f plays, then lets it idle for an hour and ends it.
// The painter's frame shows what f set, and composed counts the frames.
func paintFor(t *testing.T, d *fakeDisplay, f func(p *painter, set func(string))) (composed int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		text := make(chan string, 1)
		text <- ""
		p := newPainter(d, func(int, int) (Frame, bool) {
			composed++
			s := <-text
			text <- s
			return Frame{Rows: []string{s}}, true
		})
		d.start = time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.run(ctx)
		}()
		f(p, func(s string) {
			<-text
			text <- s
			p.markDirty()
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		cancel()
		<-done
	})
	return composed
}

// pass lets time pass, and whatever is to happen by then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestDrawsAtOnceThenEightMillisecondsApart(t *testing.T) {
	d := new(fakeDisplay)
	composed := paintFor(t, d, func(_ *painter, set func(string)) {
		set("a")
		synctest.Wait()
		time.Sleep(3 * time.Millisecond)
		set("b") // too soon: drawn at 8 ms
		set("c") // with it
		time.Sleep(97 * time.Millisecond)
		set("d") // after a pause: at once
	})
	want := []time.Duration{0, 8 * time.Millisecond, 100 * time.Millisecond}
	if diff := cmp.Diff(want, d.frames); diff != "" {
		t.Errorf("frames at (-want +got)\n%s", diff)
	}
	if composed != len(want) {
		t.Errorf("composed %d frames for %d drawn, in an hour of which most was idle", composed, len(want))
	}
	if out := d.out.String(); strings.Contains(out, "b") || !strings.Contains(out, "Kc") {
		t.Errorf("wrote %q", out)
	}
}

func TestAFloodIsDrawn125TimesASecond(t *testing.T) {
	d := new(fakeDisplay)
	paintFor(t, d, func(_ *painter, set func(string)) {
		for i := range 10_000 { // a second's worth
			set(fmt.Sprint(i))
			time.Sleep(100 * time.Microsecond)
		}
	})
	if len(d.frames) != 126 {
		t.Errorf("drew %d frames in a second, want 126", len(d.frames))
	}
	for i := 1; i < len(d.frames); i++ {
		if gap := d.frames[i] - d.frames[i-1]; gap < minGap {
			t.Fatalf("frame %d came %v after the one before", i, gap)
		}
	}
	if !strings.Contains(d.out.String(), "9999") {
		t.Error("the last state was never drawn")
	}
}

func TestASlowTerminalSkipsFramesAndGetsTheLast(t *testing.T) {
	d := &fakeDisplay{slow: 250 * time.Millisecond}
	composed := paintFor(t, d, func(_ *painter, set func(string)) {
		for i := range 1000 {
			set(fmt.Sprintf("<%d>", i)) // never waits for the terminal
			time.Sleep(time.Millisecond)
		}
	})
	if composed > 6 {
		t.Errorf("composed %d frames for a terminal that takes 4 a second", composed)
	}
	if !strings.Contains(d.out.String(), "<999>") {
		t.Error("the last state was never drawn")
	}
}

func TestNothingChangedWritesNothing(t *testing.T) {
	d := new(fakeDisplay)
	paintFor(t, d, func(p *painter, set func(string)) {
		for range 10 {
			set("same")
			pass(time.Second)
		}
		if n := len(d.frames); n != 1 {
			t.Errorf("%d writes for one picture", n)
		}
		p.repaint()
		pass(time.Second)
		if n := len(d.frames); n != 2 {
			t.Errorf("a repaint made %d writes, want 1", n-1)
		}
	})
	if n := strings.Count(d.out.String(), eraseAll); n != 2 {
		t.Errorf("%d full paints, want the first and the repaint", n)
	}
}

// A terminal that was taken again is empty. It is drawn whole before any change of a row, whether a frame was begun
// before or after that.
func TestDrawsWholeAfterATake(t *testing.T) {
	for _, meanwhile := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := new(fakeDisplay)
			text := "first"
			var composing func()
			p := newPainter(d, func(int, int) (Frame, bool) {
				if composing != nil {
					composing()
				}
				return Frame{Rows: []string{"same", text}}, true
			})
			if err := p.draw(); err != nil {
				t.Fatal(err)
			}
			text = "second"
			if meanwhile {
				composing = func() { d.takes.Add(1) }
				if err := p.draw(); err != nil {
					t.Fatal(err)
				}
				composing = nil
			} else {
				d.takes.Add(1)
			}
			before := d.out.Len()
			if err := p.draw(); err != nil {
				t.Fatal(err)
			}
			if out := d.out.String(); strings.Contains(out[:before], "second") || !strings.Contains(out[before:], eraseAll) || !strings.Contains(out[before:], "same") {
				t.Errorf("taken while a frame was composed: %v; before %q, then %q", meanwhile, out[:before], out[before:])
			}
			before = d.out.Len()
			if err := p.draw(); err != nil || d.out.Len() != before {
				t.Errorf("drawn again: %q, %v", d.out.String()[before:], err)
			}
		})
	}
}

func TestSendRidesOnTheNextWrite(t *testing.T) {
	d := new(fakeDisplay)
	paintFor(t, d, func(p *painter, set func(string)) {
		set("x")
		pass(time.Second)
		p.send("\a")
		p.send("\x1b]52;;\a")
	})
	if out := d.out.String(); !strings.HasSuffix(out, syncEnd+"\a\x1b]52;;\a") || len(d.frames) != 2 {
		t.Errorf("wrote %q in %d writes", out, len(d.frames))
	}
}

func TestWhatWaitsForATerminalIsBounded(t *testing.T) {
	p := newPainter(new(fakeDisplay), nil)
	for range 100 {
		p.send(strings.Repeat("y", maxExtra/10))
	}
	if len(p.mu.extra) > maxExtra || len(p.mu.extra) < maxExtra/2 {
		t.Errorf("%d bytes wait in a queue bounded by %d", len(p.mu.extra), maxExtra)
	}
}

func TestAFailedWriteEndsThePainter(t *testing.T) {
	broken := errors.New("input/output error")
	d := &fakeDisplay{err: broken}
	p := newPainter(d, func(int, int) (Frame, bool) { return Frame{Rows: []string{"x"}}, true })
	p.markDirty()
	if err := p.run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("run returned %v", err)
	}
}

func TestAReleasedTerminalIsPaintedInFullLater(t *testing.T) {
	d := &fakeDisplay{err: errReleased}
	paintFor(t, d, func(p *painter, set func(string)) {
		set("gone")
		pass(time.Second)
		d.err = nil
		set("back")
	})
	if out := d.out.String(); !strings.Contains(out, eraseAll) || !strings.Contains(out, "back") {
		t.Errorf("wrote %q", out)
	}
}
