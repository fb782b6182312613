package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/tui/lines"
)

// closing is a store whose Close takes a while.
type closing struct {
	store.Store
	takes  time.Duration
	err    error
	panics bool
	closed func()
}

func (c closing) Close() error {
	time.Sleep(c.takes)
	if c.closed != nil {
		c.closed()
	}
	if c.panics {
		panic("injected")
	}
	return c.err
}

// newRun returns a run whose user interface ended with an error, on a store.
func newRun(t *testing.T, kept store.Store, ended error) *run {
	log, err := profile.OpenLog(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r := &run{log: slog.New(slog.DiscardHandler), logFile: log}
	r.group = group.New(context.Background(), r.logPanic)
	r.cfg.Store = kept
	r.ui.run = func(context.Context, *node.Node) error { return ended }
	r.ui.close = func(context.Context) error { return nil }
	return r
}

// The end waits for a slow disk, writes the output also when the store hangs, ends all goroutines that can be ended,
// and says what was lost.
func TestShutdown(t *testing.T) {
	full := errors.New("disk full")
	for name, tc := range map[string]struct {
		store  closing
		output error         // why the output took no more
		lasts  bool          // a goroutine doesn't end
		takes  time.Duration // how long the end takes
		ended  bool          // goroutines were ended
		want   []error
	}{
		"at once":           {ended: true},
		"a slow disk":       {store: closing{takes: 9 * time.Second}, takes: 9 * time.Second, ended: true},
		"a full disk":       {store: closing{err: full}, want: []error{full}, ended: true},
		"a hanging disk":    {store: closing{takes: time.Minute}, takes: 10 * time.Second, want: []error{errUnsure}},
		"a panic":           {store: closing{panics: true}, want: []error{errUnsure}},
		"a stuck reader":    {output: lines.ErrStuck, want: []error{lines.ErrStuck}},
		"both":              {store: closing{err: full}, output: lines.ErrStuck, want: []error{full, lines.ErrStuck}},
		"a closed pipe":     {output: lines.ErrOutput, want: []error{lines.ErrOutput}, ended: true},
		"a hang and a pipe": {store: closing{takes: time.Minute}, takes: 10 * time.Second, output: lines.ErrOutput, want: []error{errUnsure, lines.ErrOutput}},
		"a goroutine lasts": {lasts: true, takes: 10 * time.Second, ended: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRun(t, tc.store, nil)
				var steps []string
				r.ui.close = func(context.Context) error { steps = append(steps, "output"); return tc.output }
				stopped := make(chan struct{})
				r.group.Go("test", func(ctx context.Context) {
					<-ctx.Done()
					close(stopped)
					if tc.lasts {
						time.Sleep(time.Minute)
					}
				})
				began := time.Now()
				err := r.shutdown(t.Context())
				if took := time.Since(began); took != tc.takes || len(steps) != 1 {
					t.Errorf("took %v, want %v; output written %d times", took, tc.takes, len(steps))
				}
				for _, want := range tc.want {
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				}
				if len(tc.want) == 0 && err != nil {
					t.Error(err)
				}
				select {
				case <-stopped:
					if !tc.ended {
						t.Error("waited for goroutines of which one can't end")
					}
				default:
					if tc.ended {
						t.Error("the goroutines weren't ended")
					}
				}
				time.Sleep(2 * time.Minute) // what hung ends
				r.group.Close()
			})
		})
	}
}

// The output comes last: peers and the store have until then to say something.
func TestOutputIsClosedLast(t *testing.T) {
	var steps []string
	r := newRun(t, closing{closed: func() { steps = append(steps, "store") }}, nil)
	r.ui.close = func(context.Context) error { steps = append(steps, "output"); return nil }
	if err := r.wait(t.Context()); err != nil || !slices.Equal(steps, []string{"store", "output"}) {
		t.Errorf("%q, %v", steps, err)
	}
}

// After a signal the last output has 5 s more, also when the signal comes while it is written.
func TestSignalLimitsTheLastOutput(t *testing.T) {
	for _, after := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			r := newRun(t, closing{}, nil)
			r.ui.close = func(ctx context.Context) error { <-ctx.Done(); return lines.ErrStuck }
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			began := time.Now()
			if err := r.shutdown(ctx); !errors.Is(err, lines.ErrStuck) || time.Since(began) != after+5*time.Second {
				t.Errorf("a signal after %v: the end after %v, %v", after, time.Since(began), err)
			}
			r.group.Close()
		})
	}
}

// A run that a signal, a closed output or a panic ended says all the same that its last messages aren't saved, and says
// nothing twice. Its exit code is that of the first.
func TestWhatIsSaidAtTheEnd(t *testing.T) {
	full, taken := errors.New("disk full"), errors.New("standard output: no space left")
	const lost = "the last messages are not saved: disk full"
	for name, tc := range map[string]struct {
		ended, saved, output error
		code                 int
		news                 string
	}{
		"/quit":                           {code: 0},
		"a signal":                        {ended: errSignalled, code: exitSignal},
		"a signal and a full disk":        {ended: errSignalled, saved: full, code: exitSignal, news: lost},
		"a closed output":                 {ended: lines.ErrOutput, output: lines.ErrOutput, code: exitError},
		"a closed output and a full disk": {ended: lines.ErrOutput, output: lines.ErrOutput, saved: full, code: exitError, news: lost},
		"/quit and a full disk":           {saved: full, code: exitError, news: lost},
		"an output that takes no more":    {ended: taken, output: taken, code: exitError, news: taken.Error()},
		"both":                            {ended: taken, output: taken, saved: full, code: exitError, news: taken.Error() + "; " + lost},
		"a signal and a stuck output":     {ended: errSignalled, output: lines.ErrStuck, code: exitSignal, news: lines.ErrStuck.Error()},
		"two errors in one":               {ended: fmt.Errorf("%w: it hung up (%w)", full, taken), code: exitError, news: "disk full: it hung up (standard output: no space left)"},
	} {
		r := newRun(t, closing{err: tc.saved}, tc.ended)
		r.ui.close = func(context.Context) error { return tc.output }
		err := r.wait(t.Context())
		if got := exitCode(err); got != tc.code {
			t.Errorf("%s: exit code %d, want %d", name, got, tc.code)
		}
		news := ""
		if err := dropExpected(err); err != nil {
			news = err.Error()
		}
		if news != tc.news {
			t.Errorf("%s: %q, want %q", name, news, tc.news)
		}
	}
}

// A panic, also one of the end itself, is what the program ends with, and says where its stack is. It doesn't hide a
// loss.
func TestPanicsAtTheEnd(t *testing.T) {
	full := errors.New("disk full")
	for name, tc := range map[string]struct {
		store closing
		run   bool
		lost  error
	}{
		"in the user interface": {closing{err: full}, true, full},
		"in the store's end":    {closing{panics: true}, false, errUnsure},
	} {
		r := newRun(t, tc.store, nil)
		if tc.run {
			r.ui.run = func(context.Context, *node.Node) error { panic("injected") }
		}
		err := r.wait(t.Context())
		if exitCode(err) != exitPanic || !errors.Is(err, tc.lost) || strings.Count(err.Error(), "injected") != 1 || !strings.Contains(err.Error(), r.logFile.Path()) {
			t.Errorf("%s: exit code %d, %v", name, exitCode(err), err)
		}
	}
}

// An error that stderr doesn't take, as a terminal that hangs, doesn't keep the program from ending.
func TestErrorThatStderrDoesntTake(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if err := write.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Skip("pipes have no deadlines here: ", err)
	}
	for err == nil { // fill it
		_, err = write.Write(make([]byte, 4096))
	}
	if err := write.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	defer func() { os.Stderr = stderr }()
	began := time.Now()
	printError(errSignalled) // returns
	if time.Since(began) < printTime {
		t.Error("the pipe took it, so that this test tests nothing")
	}
}
