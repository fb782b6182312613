package node

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// netcat is a connection that lines come on.
type netcat struct {
	net.Conn
	mu    sync.Mutex
	lines []string
	done  chan struct{} // closed when the other side has ended
}

// nc connects from host i to person 0, 1 … and reads.
func (w *town) nc(i int, to *person) *netcat {
	w.t.Helper()
	conn, err := w.net.Host(addr(i)).DialContext(w.t.Context(), "tcp", netip.AddrPortFrom(to.at, 8080).String())
	if err != nil {
		w.t.Fatal(err)
	}
	c := &netcat{Conn: conn, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for in := bufio.NewScanner(conn); in.Scan(); {
			c.mu.Lock()
			c.lines = append(c.lines, in.Text())
			c.mu.Unlock()
		}
	}()
	return c
}

func (c *netcat) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines)
}

func (c *netcat) say(text string) { io.WriteString(c.Conn, text+"\n") }

func (c *netcat) close() {
	c.Conn.Close()
	<-c.done
}

// seed is a program of the seed's on a host: it beacons, and reads each connection once into 1024 bytes.
type seed struct {
	w    *town
	host *memnet.Host
	out  *memnet.Packets
	l    net.Listener
	id   string
	name string
	mu   sync.Mutex
	got  []string // contents of the Chats; other objects by their tag
	done chan struct{}
}

func (w *town) seed(i int, name string) *seed {
	w.t.Helper()
	s := &seed{w: w, host: w.net.Host(addr(i)), name: name, id: fmt.Sprintf("5eed0000-0000-4000-8000-%012d", i), done: make(chan struct{})}
	s.out = s.host.Packets()
	var err error
	if s.l, err = s.host.Listen(w.t.Context(), "tcp", ":8080"); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		for {
			conn, err := s.l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1024)
			n, _ := conn.Read(buf)
			conn.Close()
			var m map[string]json.RawMessage
			json.Unmarshal(buf[:n], &m)
			s.mu.Lock()
			for tag, body := range m {
				var chat wire.SeedChat
				if tag == "Chat" && json.Unmarshal(body, &chat) == nil {
					tag = chat.FromName + ": " + chat.Content
				}
				s.got = append(s.got, tag)
			}
			s.mu.Unlock()
		}
	}()
	return s
}

// beacon sends one.
func (s *seed) beacon() {
	s.out.Broadcast(func(from netip.Addr) []byte {
		return fmt.Appendf(nil, `{"Discovery":{"id":%q,"name":%q,"ip":%q,"port":8080}}`, s.id, s.name, from)
	})
}

// known makes it known: by two beacons.
func (s *seed) known() {
	s.beacon()
	pass(time.Second)
	s.beacon()
	pass(time.Second)
}

// send sends an object to persons, a connection each.
func (s *seed) send(object string, to ...*person) {
	s.w.t.Helper()
	for _, p := range to {
		conn, err := s.host.DialContext(s.w.t.Context(), "tcp", netip.AddrPortFrom(p.at, 8080).String())
		if err != nil {
			s.w.t.Fatal(err)
		}
		io.WriteString(conn, object)
		conn.Close()
	}
}

func (s *seed) says(text string, to ...*person) {
	s.w.t.Helper()
	s.send(fmt.Sprintf(`{"Chat":{"from_id":%q,"from_name":%q,"content":%q,"timestamp":1790000000}}`, s.id, s.name, text), to...)
}

func (s *seed) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *seed) close() {
	s.out.Close()
	s.l.Close()
	<-s.done
}

// same compares what somebody heard, in any order.
func same(t *testing.T, who string, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s:\n%s", who, d)
	}
}
