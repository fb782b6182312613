package accept

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestFirstByte checks what a connection is handed on as, in one piece and byte by byte.
func TestFirstByte(t *testing.T) {
	for _, test := range []struct {
		name, sent string
		want       []string
	}{
		{"TLS", "\x16\x03\x01", []string{`native "\x16\x03\x01"`}},
		{"TLS after white space", " \x16\x03\x01", []string{"refused: " + NotText}},
		{"JSON", ` {"Say":"a"}{"Say":"b"}`, []string{"said: a", "said: b"}},
		{"text", "\r\n hello\nyou\n", []string{"said: hello", "said: you"}},
		{"text without newline", "hello", []string{"said: hello"}},
		{"text that isn't ASCII", "écoute\n", []string{"said: écoute"}},
		{"a blank first line", "\u00a0\nhello\n", []string{"said: hello"}},
		{"a long first line", strings.Repeat("x", 5000) + "\n", []string{"said: " + strings.Repeat("x", 5000)}},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", []string{"refused: " + httpRequest}},
		{"HTTP with a long target", "GET /" + strings.Repeat("x", 5000) + " HTTP/1.1\r\n\r\n", []string{"refused: " + httpRequest}},
		{"HTTP cut short", "GET /pa", []string{"refused: " + httpRequest}},
		{"text like HTTP", "GET me a coffee\n", []string{"said: GET me a coffee"}},
		{"control characters", "\x01\x02", []string{"refused: " + NotText}},
		{"nothing", "", nil},
		{"white space", " \n\t", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				for _, part := range []int{len(test.sent) + 1, 1} {
					c := w.dial(2, "")
					for rest := test.sent; rest != ""; {
						n := min(part, len(rest))
						if _, err := io.WriteString(c, rest[:n]); err != nil {
							break // refused already
						}
						rest = rest[n:]
						synctest.Wait()
					}
					c.(interface{ CloseWrite() error }).CloseWrite()
					answer, _ := io.ReadAll(c)
					c.Close()
					w.expect(test.want...)
					http := len(test.want) == 1 && test.want[0] == "refused: "+httpRequest
					if strings.HasPrefix(string(answer), "HTTP/1.1 400 ") != http {
						t.Errorf("answered %q", answer)
					}
				}
			})
		})
	}
}

// TestSilence checks that a silent connection joins after 3 s, stays for as long as it likes, and that its
// first byte still decides.
func TestSilence(t *testing.T) {
	for sent, want := range map[string][]string{
		"hello\n":      {"said: hello"},
		`{"Say":"a"}`:  {"leave: <nil>", "said: a"},
		"\x16\x03":     {"leave: <nil>"},
		"\x01":         {"leave: <nil>", "refused: " + NotText},
		"GET / HTTP/1": {},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			c := w.dial(2, "")
			defer c.Close()
			time.Sleep(silentAfter - time.Millisecond)
			w.expect()
			time.Sleep(time.Millisecond)
			w.expect("join")
			time.Sleep(time.Hour)
			io.WriteString(c, sent)
			w.expect(want...)
		})
	}
}

// TestSilenceInFirstLine checks that a connection joins that began a line and then says nothing.
func TestSilenceInFirstLine(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.dial(2, "hel")
		defer c.Close()
		time.Sleep(silentAfter)
		w.expect("join")
		time.Sleep(time.Hour)
		io.WriteString(c, "lo\n")
		w.expect("said: hello")
		w.full = true
		late := w.dial(2, "hel")
		time.Sleep(silentAfter)
		w.expect()
		if isOpen(late) {
			t.Error("a connection that couldn't join is open")
		}
	})
}

// TestNotAllowed checks that cleartext is refused where it isn't allowed, and native is not.
func TestNotAllowed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.allowed = false
		for _, sent := range []string{"hello\n", `{"Say":"a"}`} {
			c := w.dial(2, sent)
			w.expect("refused: " + NotAllowed)
			if isOpen(c) {
				t.Errorf("open after %q", sent)
			}
		}
		w.dial(2, "\x16").Close()
		w.expect(`native "\x16"`)
	})
}

// TestClose checks that Close ends the listener and the connections in every state, but not native ones.
func TestClose(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		end := make(chan struct{})
		w.native = func(_ net.Conn, keyProven func()) { keyProven(); <-end }
		var conns []net.Conn
		for _, sent := range []string{"", " ", "hel", "hello\n", `{"Say"`, `{"Say":"a"}`} {
			conns = append(conns, w.dial(2, sent))
		}
		native := w.dial(2, "\x16")
		time.Sleep(silentAfter + time.Second)
		w.Close()
		w.Close()
		synctest.Wait()
		if n := countOpen(conns); n != 0 {
			t.Errorf("%d connections in cleartext are open", n)
		}
		if !isOpen(native) {
			t.Error("a native connection was closed")
		}
		if _, err := w.host(2).DialContext(t.Context(), "tcp", "10.0.0.1:8080"); err == nil {
			t.Error("the port is open")
		}
		close(end)
	})
}

// TestArrivals checks the limits of native connections that are no link yet: 32 of one address, 256 in all.
// More are closed at once, and the places are free again afterwards.
func TestArrivals(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		end := make(chan struct{})
		w.native = func(_ net.Conn, keyProven func()) { keyProven(); <-end }
		open := func(from, n int) (conns []net.Conn) {
			for range n {
				conns = append(conns, w.dial(from, "\x16"))
				synctest.Wait()
			}
			return conns
		}
		if n := countOpen(open(2, maxArrivalsOfAddr+8)); n != maxArrivalsOfAddr {
			t.Errorf("%d connections of one address are open, want %d", n, maxArrivalsOfAddr)
		}
		var many []net.Conn
		for i := range 10 {
			many = append(many, open(10+i, 30)...)
		}
		if n := countOpen(many); n != maxArrivals-maxArrivalsOfAddr {
			t.Errorf("%d more are open, want %d", n, maxArrivals-maxArrivalsOfAddr)
		}
		close(end)
		synctest.Wait()
		w.native = nil
		if w.dial(2, "\x16x").Close(); w.count("native") != 0 {
			t.Error("too soon")
		}
		w.expect(`native "\x16x"`)
	})
}

// TestHandshakes checks that 16 connections are in the handshake at a time, and 8 of one address. The others
// get their turn when a key is proven, and wait for no longer than 5 s.
func TestHandshakes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var begun atomic.Int32
		proven := make(chan struct{})
		end := make(chan struct{})
		w.native = func(_ net.Conn, keyProven func()) {
			begun.Add(1)
			select {
			case <-proven:
				keyProven()
				keyProven()
				<-end
			case <-end:
			}
		}
		check := func(when string, want int32) {
			t.Helper()
			synctest.Wait()
			if n := begun.Load(); n != want {
				t.Errorf("%s: %d handshakes began, want %d", when, n, want)
			}
		}
		var conns []net.Conn
		for range 10 {
			conns = append(conns, w.dial(2, "\x16"))
		}
		check("one address", maxHandshakes/2)
		for i := range 10 {
			conns = append(conns, w.dial(3+i, "\x16"))
		}
		check("all addresses", maxHandshakes)
		proven <- struct{}{}
		check("after a key was proven", maxHandshakes+1)
		time.Sleep(handshakeWithin - time.Millisecond)
		if n := countOpen(conns); n != len(conns) {
			t.Errorf("%d of %d are open before their time", n, len(conns))
		}
		time.Sleep(2 * time.Millisecond)
		if n := countOpen(conns); n != maxHandshakes+1 {
			t.Errorf("%d are open, want those in the handshake", n)
		}
		close(end)
	})
}

// TestLoopbackIsExempt checks that the limits of one address don't hold for loopback.
func TestLoopbackIsExempt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		end := make(chan struct{})
		w.native = func(_ net.Conn, keyProven func()) { keyProven(); <-end }
		var conns []net.Conn
		for _, sent := range []string{"", "\x16"} {
			for range 100 {
				c, err := w.host(1).DialContext(t.Context(), "tcp", "127.0.0.1:8080")
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(c, sent)
				conns = append(conns, c)
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(10 * heardAfter)
		if n := countOpen(conns); n != 200 {
			t.Errorf("%d of 200 connections of loopback are open", n)
		}
		close(end)
	})
}

// TestListenerErrors checks that the port goes on after an error of its listener.
func TestListenerErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, allowed: true, refused: make(chan string, 1000)}
		ours, theirs := net.Pipe()
		l := &flaky{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		l.conns <- theirs
		w.start(l)
		synctest.Wait()
		time.Sleep(acceptAgain)
		io.WriteString(ours, "hello\n")
		ours.Close()
		w.expect("said: hello")
		w.group.Close()
	})
}

// flaky is a listener whose first Accept fails.
type flaky struct {
	failed bool
	conns  chan net.Conn
	closed chan struct{}
}

func (f *flaky) Accept() (net.Conn, error) {
	if !f.failed {
		f.failed = true
		return nil, errors.New("too many open files")
	}
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *flaky) Close() error {
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
	return nil
}

func (f *flaky) Addr() net.Addr { return nil }
