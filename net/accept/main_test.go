package accept

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Port at 10.0.0.1:8080 in a network in memory, and what comes of its connections.
type world struct {
	*Port
	t     testing.TB
	net   *memnet.Network
	group *group.Group

	mu      sync.Mutex
	events  []string
	allowed bool
	full    bool          // Join fails
	hold    chan struct{} // if set, each message waits for it
	refused chan string   // the reasons, up to 1000
	native  func(conn net.Conn, keyProven func())
}

// inWorld runs a test in a bubble, with a world that ends with it.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: memnet.New(1), allowed: true, refused: make(chan string, 1000)}
		defer w.net.Close()
		l, err := w.host(1).Listen(t.Context(), "tcp", ":8080")
		if err != nil {
			t.Fatal(err)
		}
		w.start(l)
		defer w.group.Close()
		test(t, w)
	})
}

// onLoopback starts a Port on this machine's own network, for what needs real sockets.
func onLoopback(t testing.TB) (*world, net.Addr) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, allowed: true, refused: make(chan string, 1000)}
	w.start(l)
	t.Cleanup(w.group.Close)
	return w, l.Addr()
}

func (w *world) start(l net.Listener) {
	w.group = group.New(context.Background(), func(p *group.Panic) { w.t.Errorf("%v\n%s", p, p.Stack) })
	w.Port = Start(w.group, Config{
		Listener: l, Log: slog.New(slog.DiscardHandler),
		Native: func(conn net.Conn, _ time.Time, keyProven func()) {
			defer conn.Close()
			w.mu.Lock()
			native := w.native
			w.mu.Unlock()
			if native != nil {
				native(conn, keyProven)
				return
			}
			keyProven()
			b, _ := io.ReadAll(conn)
			w.add("native %q", b)
		},
		Cleartext: func(conn *Conn) Client { return &client{w: w, conn: conn} },
		Allowed: func(netip.Addr) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.allowed
		},
		Refused: func(_, reason string) {
			w.add("refused: %s", reason)
			select {
			case w.refused <- reason:
			default:
			}
		},
	})
}

// host returns a host with the address 10.0.0.i.
func (w *world) host(i int) *memnet.Host {
	return w.net.Host(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
}

// dial connects from 10.0.0.i and sends the first bytes.
func (w *world) dial(i int, first string) net.Conn {
	w.t.Helper()
	c, err := w.host(i).DialContext(context.Background(), "tcp", "10.0.0.1:8080")
	if err != nil {
		w.t.Fatal(err)
	}
	io.WriteString(c, first)
	return c
}

func (w *world) add(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

// take returns the events since the last call.
func (w *world) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.events
	w.events = nil
	return out
}

// count returns how many events begin with prefix, since the last call.
func (w *world) count(prefix string) (n int) {
	for _, e := range w.take() {
		if strings.HasPrefix(e, prefix) {
			n++
		}
	}
	return n
}

// expect checks the events since the last call.
func (w *world) expect(want ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.take(); !slices.Equal(got, want) {
		w.t.Errorf("got %q\nwant %q", got, want)
	}
}

// client is a Client that records the messages of a connection.
type client struct {
	w      *world
	conn   *Conn
	joined bool
}

func (c *client) Join() error {
	c.w.mu.Lock()
	full := c.w.full
	c.w.mu.Unlock()
	if full {
		return errors.New("no room")
	}
	c.joined = true
	c.w.add("join")
	return nil
}

func (c *client) Leave(err error) {
	if c.joined {
		c.joined = false
		c.w.add("leave: %v", err)
	}
}

// say records a message, in its order.
func (c *client) say(text string) {
	c.conn.AwaitOrder()
	if c.w.hold != nil {
		<-c.w.hold
	}
	c.w.add("said: %s", text)
}

func (c *client) ServeLines() {
	_ = c.conn.SetReadDeadline(time.Time{})
	s := bufio.NewScanner(c.conn)
	for s.Scan() {
		c.say(s.Text())
	}
	c.Leave(s.Err())
}

func (c *client) ServeObjects() {
	_ = c.conn.SetReadDeadline(time.Time{})
	for d := json.NewDecoder(c.conn); ; {
		var object struct{ Say string }
		if d.Decode(&object) != nil {
			return
		}
		c.say(object.Say)
	}
}

// isOpen reports whether the other side has left a connection open.
func isOpen(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// countOpen returns how many connections the other side has left open.
func countOpen(conns []net.Conn) (n int) {
	for _, c := range conns {
		if isOpen(c) {
			n++
		}
	}
	return n
}
