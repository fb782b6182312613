package lines

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"

	"github.com/google/go-cmp/cmp"
)

// start0 is a view of line mode with a clock that stands.
func start0(o *output, names *roster.Roster) *textView {
	return &textView{out: o, roster: names, refused: make(map[string]int), now: func() time.Time { return noon }}
}

func TestALineWaitsForAFirstPeerOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(Config{In: strings.NewReader("one\ntwo\n/list\nthree\n")})
		began := time.Now()
		if err := r.run(t, t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != patience {
			t.Errorf("three lines to nobody took %v, want %v", took, patience)
		}
		if diff := cmp.Diff([]string{"one", "two", "three"}, r.node.said); diff != "" {
			t.Error(diff)
		}
		if n := strings.Count(r.out.String(), "📭 No one is here"); n != 3 {
			t.Errorf("said %d times that nobody is here:\n%s", n, r.out.String())
		}
	})
}

func TestAFirstPeerEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(Config{In: strings.NewReader("one\ntwo\n")})
		began := time.Now()
		r.group.Go("peer", func(context.Context) {
			time.Sleep(2 * time.Second)
			r.node.change(func() { r.node.peers = []event.Peer{person(2, "Bob")} })
		})
		if err := r.run(t, t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if n := strings.Count(r.out.String(), "📤 Message sent to 1 peer(s)\n"); n != 2 {
			t.Errorf("sent %d times:\n%s", n, r.out.String())
		}
	})
}

func TestNobodyWaitsForAPeerOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(Config{In: strings.NewReader("one\n/quit\nnever said\n"), Terminal: true})
		began := time.Now()
		if err := r.run(t, t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if diff := cmp.Diff([]string{"one"}, r.node.said); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheEndWaitsForAcknowledgements(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration // when the peers have it
		every time.Duration // how often an acknowledgement comes, 0 never
		took  time.Duration
	}{
		"at once":            {0, 0, 0},
		"soon":               {3 * time.Second, 0, 3 * time.Second},
		"too late":           {time.Minute, 0, patience},
		"late, but it comes": {12 * time.Second, time.Second, 12 * time.Second},
		"for ever":           {time.Hour, time.Second, maxFarewell},
	} {
		for _, end := range []string{"", "/quit\n"} {
			t.Run(name+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := start(Config{In: strings.NewReader("one\n" + end)}, person(2, "Bob"))
					r.node.stuck = test.after > 0
					r.group.Go("peer", func(ctx context.Context) {
						for began := time.Now(); time.Since(began) < test.after && ctx.Err() == nil; {
							step := test.after
							if test.every > 0 {
								step = test.every
								r.mode.Post(event.Delivered{ID: "x", Peers: 1, Of: 2})
							}
							select {
							case <-time.After(step):
							case <-ctx.Done():
							}
						}
						r.node.change(func() { r.node.stuck = false })
					})
					began := time.Now()
					if err := r.run(t, t.Context()); err != nil {
						t.Error(err)
					}
					if took := time.Since(began); took != test.took {
						t.Errorf("took %v, want %v", took, test.took)
					}
				})
			})
		}
	}
}

// cancelableReader blocks until Cancel, as a cancelreader on a quiet terminal does.
type cancelableReader struct{ done chan struct{} }

func (c cancelableReader) Read([]byte) (int, error) {
	<-c.done
	return 0, io.EOF
}

func (c cancelableReader) Cancel() bool {
	close(c.done)
	return true
}

// Lines that are here together are sent together: all but the last say that more follow. A command as the last line
// ends that as well.
func TestLinesAreGathered(t *testing.T) {
	for in, want := range map[string][]bool{
		"one\n": {false}, "one\ntwo\nthree\n": {true, true, false}, "one\ntwo": {false, false}, "one\n/peers\n": {true}, "one\n/quit\ntwo\n": {true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(Config{In: strings.NewReader(in)}, person(2, "Bob"))
			if err := r.run(t, t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.node.gathered, want) || r.node.gathers {
				t.Errorf("%q: %v, in the end %v, want %v and false", in, r.node.gathered, r.node.gathers, want)
			}
		})
	}
}

func TestASignalEndsRunWhereverItWaits(t *testing.T) {
	signal := errors.New("SIGTERM")
	for name, in := range map[string]io.Reader{
		"for input":            strings.NewReader(""),
		"for a first peer":     strings.NewReader("hello\n"),
		"for acknowledgements": strings.NewReader("hello\n"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var peers []event.Peer
				if name == "for acknowledgements" {
					peers = append(peers, person(2, "Bob"))
				}
				if name == "for input" {
					in = cancelableReader{make(chan struct{})}
				}
				r := start(Config{In: in}, peers...)
				r.node.stuck = true
				ctx, cancel := context.WithCancelCause(t.Context())
				r.group.Go("signal", func(context.Context) {
					time.Sleep(time.Second)
					cancel(signal)
				})
				began := time.Now()
				if err := r.run(t, ctx); !errors.Is(err, signal) {
					t.Errorf("Run: %v", err)
				}
				if took := time.Since(began); took != time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestNothingIsReadBeforeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(Config{In: strings.NewReader("/list\n"), JSON: true})
		r.group.Go("node", func(context.Context) {
			time.Sleep(time.Second)
			r.mode.Post(event.Ready{Self: self()})
		})
		if err := r.mode.Run(t.Context(), r.node); err != nil {
			t.Error(err)
		}
		r.stop(t)
		first, _, _ := strings.Cut(r.out.String(), "\n")
		if !strings.HasPrefix(first, `{"event":"ready",`) {
			t.Errorf("first line: %s", first)
		}
	})
}

// failingWriter fails with err once it has written n times.
type failingWriter struct {
	n   int
	err error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestAClosedStdoutEndsRun(t *testing.T) {
	for _, test := range []struct{ err, want error }{
		{syscall.EPIPE, ErrOutput},
		{io.ErrClosedPipe, ErrOutput},
		{syscall.ENOSPC, syscall.ENOSPC},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(Config{In: cancelableReader{make(chan struct{})}, Out: &failingWriter{err: test.err}})
			if err := r.run(t, t.Context()); !errors.Is(err, test.want) {
				t.Errorf("Run with %v: %v", test.err, err)
			}
		})
	}
}

// gate is a writer that blocks until it is opened.
type gate struct {
	open  chan struct{}
	bytes atomic.Int64
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.bytes.Add(int64(len(p)))
	return len(p), nil
}

func TestASlowStdoutPushesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		r := start(Config{In: cancelableReader{make(chan struct{})}, Out: g})
		ctx, cancel := context.WithCancel(t.Context())
		bob := person(2, "Bob")
		var posted atomic.Int64
		r.group.Go("flood", func(context.Context) {
			r.mode.Post(event.Ready{Self: self()})
			for range 100_000 {
				r.mode.Post(said(bob, strings.Repeat("x", 1000)))
				posted.Add(1)
			}
		})
		ended := make(chan error)
		r.group.Go("run", func(context.Context) { ended <- r.mode.Run(ctx, r.node) })
		synctest.Wait()
		// What the writer has taken and what is queued: twice the bound, and the last one.
		if n := posted.Load(); n < maxQueued/1100 || n > 2*maxQueued/1000+2 {
			t.Errorf("%d events of 1 kB were taken while nobody read", n)
		}
		// A signal ends Run all the same, and from then on no one waits for the reader.
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		synctest.Wait()
		if n := posted.Load(); n != 100_000 {
			t.Errorf("the node is held up at event %d after the end", n)
		}
		began := time.Now()
		if err := r.mode.Close(t.Context()); err != ErrStuck {
			t.Errorf("Close of an output that is not read: %v", err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("Close waited %v for a reader that had stopped", took)
		}
		limited, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := r.mode.Close(limited); err != ErrStuck || time.Since(began) > 8*time.Second {
			t.Errorf("Close within a second: %v", err)
		}
		close(g.open)
		// It reads after all, but text was cut off meanwhile.
		if err := r.mode.Close(t.Context()); err != ErrCut {
			t.Errorf("Close of an output that was read too slowly: %v", err)
		}
		r.group.Close()
		if n := g.bytes.Load(); n > 8*maxQueued {
			t.Errorf("%d bytes were kept for a reader who had stopped", n)
		}
	})
}

// A reader that is slow, or that a busy machine doesn't run for a while, gets all of the last output: of stdout
// and of stderr.
func TestCloseWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := io.Pipe()
		r := start(Config{In: cancelableReader{make(chan struct{})}, Out: in, Err: in})
		r.mode.Post(event.Ready{Self: self()})
		synctest.Wait()
		text := strings.Repeat("x", 1000)
		for range 60 {
			r.mode.Post(said(person(2, "Bob"), text))
		}
		for range 60 {
			r.mode.Post(event.Notice{Level: event.Error, Text: text})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = r.mode.Run(ctx, r.node)
		var heard strings.Builder
		r.group.Go("slow reader", func(context.Context) {
			for piece := make([]byte, 4096); ; {
				n, err := out.Read(piece)
				heard.Write(piece[:n])
				if err != nil {
					return
				}
				time.Sleep(4 * time.Second)
			}
		})
		began := time.Now()
		limited, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if err := r.mode.Close(limited); err != ErrStuck || time.Since(began) != 10*time.Second {
			t.Errorf("within 10 s: after %v, %v", time.Since(began), err)
		}
		if err := r.mode.Close(t.Context()); err != nil {
			t.Error(err)
		}
		in.Close()
		r.group.Close()
		if n := strings.Count(heard.String(), text); n != 120 {
			t.Errorf("%d of 120 texts were written", n)
		}
	})
}

func TestPrompt(t *testing.T) {
	for dumb, takeAway := range map[bool]string{false: erase, true: "\r"} {
		synctest.Test(t, func(t *testing.T) {
			in, keys := io.Pipe()
			r := start(Config{In: in, Terminal: true, Dumb: dumb}, person(2, "Bob"))
			r.mode.Post(event.Ready{Self: self()})
			done := make(chan error)
			r.group.Go("run", func(context.Context) { done <- r.mode.Run(t.Context(), r.node) })
			var got []string
			var seen int
			step := func() {
				synctest.Wait()
				all := r.out.String()
				got = append(got, all[seen:])
				seen = len(all)
			}
			step()
			r.mode.Post(said(person(2, "Bob"), "hi"))
			step()
			io.WriteString(keys, "hello\n")
			step()
			io.WriteString(keys, "\n")
			step()
			keys.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
			r.stop(t)
			step()
			want := []string{prompt, takeAway + "📨 Bob says: hi\n" + prompt, "📤 Message sent to 1 peer(s)\n" + prompt, prompt, takeAway}
			if !strings.HasSuffix(got[0], "port 8080\n"+prompt) {
				t.Errorf("begins %q", got[0])
			}
			got[0] = prompt
			// The line's answer may come in the same write as the prompt or after it.
			got[2] = strings.TrimPrefix(got[2], prompt+takeAway)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoPromptInAPipe(t *testing.T) {
	r := start(Config{In: strings.NewReader("a\n")}, person(2, "Bob"))
	if err := r.run(t, t.Context()); err != nil || strings.Contains(r.out.String(), strings.TrimSpace(prompt)) {
		t.Errorf("%v\n%s", err, r.out.String())
	}
}

// A name means the peer that is here, and not its namesake whose link broke: a script can't be asked back.
func TestLostPeerGivesItsNameUp(t *testing.T) {
	var names roster.Roster
	lost, here := person(2, "bob"), person(3, "bob")
	for _, p := range []event.Peer{lost, here, as(lost, event.Lost)} {
		note(&names, event.PeerChanged{Peer: p})
	}
	if got := names.Find("bob"); len(got) != 1 || got[0] != roster.ID(here.Key, here.ID) {
		t.Errorf("bob means %v, want only the peer that is here", got)
	}
}

// A peer that is reached through others is announced as one that comes, and as none when its own link comes or goes.
func TestRelayedPeerIsHere(t *testing.T) {
	o, names := newOutput(Config{}), new(roster.Roster)
	bob := person(2, "bob")
	var events []event.Event
	for _, s := range []event.State{event.Relayed, event.Up, event.Relayed, event.Left} {
		events = append(events, event.PeerChanged{Peer: as(bob, s)})
	}
	stdout, stderr := show(start0(o, names), o, names, events, nil)
	if strings.Count(stdout, "bob") != 2 || !strings.Contains(stdout, "Discovered new peer: bob") || !strings.Contains(stdout, "bob left") || stderr != "" {
		t.Errorf("shown:\n%s%s", stdout, stderr)
	}
}
