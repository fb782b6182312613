package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// netcat is what nc does: a connection, and the lines that come on it.
type netcat struct {
	net.Conn
	t    *testing.T
	mu   sync.Mutex
	got  []string
	more chan struct{} // closed and made anew when there is one more
	over chan struct{}
}

// nc connects from a host.
func (h *host) nc(addr string) *netcat {
	h.lan.t.Helper()
	c := &netcat{t: h.lan.t, more: make(chan struct{}), over: make(chan struct{})}
	h.inside(func() {
		var err error
		if c.Conn, err = net.DialTimeout("tcp4", addr, 5*time.Second); err != nil {
			c.t.Error(err)
		}
	})
	if c.t.Failed() {
		c.t.FailNow()
	}
	go func() {
		defer close(c.over)
		for in := bufio.NewScanner(c.Conn); in.Scan(); {
			c.mu.Lock()
			c.got = append(c.got, in.Text())
			close(c.more)
			c.more = make(chan struct{})
			c.mu.Unlock()
		}
	}()
	c.t.Cleanup(func() {
		c.Close()
		<-c.over
	})
	return c
}

// says writes a line, of which nobody hears who isn't asked for.
func (c *netcat) says(text string) { io.WriteString(c.Conn, text+"\n") }

// hears waits until a line has come.
func (c *netcat) hears(line string) {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		is, more := slices.Contains(c.got, line), c.more
		c.mu.Unlock()
		if is {
			return
		}
		select {
		case <-more:
		case <-deadline:
			c.t.Fatalf("no %q in %q", line, c.lines())
		}
	}
}

func (c *netcat) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// once compares, in any order, the lines that somebody got.
func once(t *testing.T, who string, got []string, want ...string) {
	t.Helper()
	got = slices.Clone(got)
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s:\n%s", who, d)
	}
}

func (p *peer) contents() (out []string) {
	for _, h := range p.all() {
		if h.Event == "message" {
			out = append(out, h.Content)
		}
	}
	return out
}

// Two nc, a program of the seed's and two native peers hold one conversation: each line comes once to
// each.
func TestEverybodyHoldsOneConversation(t *testing.T) {
	l := newLAN(t, "all", "red")
	alice, bob := l.host("alice", "10.77.0.1/16@red").start(), l.host("bob", "10.77.0.2/16@red").start()
	rusty := runScript(l.host("rusty", "10.77.0.3/16@red"), rustyID, "Rusty", "10.77.0.3", 8081)
	rusty.beacons()
	box := l.host("box", "10.77.0.4/16@red")
	one, two := box.nc("10.77.0.1:8080"), box.nc("10.77.0.2:8080")
	alice.sees("up", bob)
	bob.sees("up", alice)
	for _, p := range []*peer{alice, bob} {
		p.next = 0
		p.meets("up", rustyID)
		p.next = 0
		p.until("a guest", func(h happened) bool { return h.Kind == "line" && h.State == "up" })
		rusty.knows(p)
	}
	first, second := one.LocalAddr().String(), two.LocalAddr().String()
	one.says("one here")
	two.hears(first + ": one here")
	rusty.hears(first + ": one here")
	two.says("two here")
	one.hears(second + ": two here")
	rusty.hears(second + ": two here")
	rusty.send(rusty.chat("Rusty here"))
	one.hears("Rusty: Rusty here")
	two.hears("Rusty: Rusty here")
	alice.says("alice here")
	bob.hears(alice, "alice here")
	one.hears("alice: alice here")
	two.hears("alice: alice here")
	rusty.hears("alice: alice here")
	bob.says("bob here", "/unsigned and anybody")
	one.hears("bob: and anybody")
	two.hears("bob: and anybody")
	rusty.hears("bob: and anybody")
	alice.next = 0
	alice.until("what anybody said", func(h happened) bool { return h.Content == "and anybody" && h.Signature == "unsigned" })
	alice.quits() // all that was on its way has come
	bob.quits()
	once(t, "alice", alice.contents(), "one here", "two here", "Rusty here", "bob here", "and anybody")
	once(t, "bob", bob.contents(), "one here", "two here", "Rusty here", "alice here")
	once(t, "one", one.lines(), second+": two here", "Rusty: Rusty here", "alice: alice here", "bob: bob here", "bob: and anybody")
	once(t, "two", two.lines(), first+": one here", "Rusty: Rusty here", "alice: alice here", "bob: bob here", "bob: and anybody")
	once(t, "Rusty", rusty.lines(), first+": one here", second+": two here", "alice: alice here", "bob: bob here", "bob: and anybody")
}

// The real nc: a line that is piped into it shows up; one that says nothing hears the room.
func TestNetcat(t *testing.T) {
	if _, err := exec.LookPath("nc"); err != nil {
		t.Skip("needs nc: ", err)
	}
	l := newLAN(t, "nc", "red")
	alice := l.host("alice", "10.77.0.1/16@red").start()
	box := l.host("box", "10.77.0.2/16@red")
	nc := func(args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "ip", append([]string{"netns", "exec", box.space, "nc"}, args...)...)
	}
	printf := nc("-q1", "10.77.0.1", "8080")
	printf.Stdin = strings.NewReader("hello\n") // as from printf 'hello\n' | nc -q1
	if out, err := printf.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h := alice.until("hello", func(h happened) bool { return h.Event == "message" && h.Content == "hello" })
	if h.Kind != "line" || h.Signature != "unsigned" || h.Encrypted {
		t.Errorf("%+v", h)
	}
	silent := talk(t, "nc", nc("10.77.0.1", "8080"))
	alice.until("a silent guest", func(h happened) bool {
		return h.Event == "peer" && h.Kind == "line" && h.State == "up" && h.at.After(alice.all()[0].at)
	})
	alice.says("can you hear me?")
	silent.shows("alice: can you hear me?\n")
	alice.says("/quit")
	if _, text := silent.ends(); text != "alice: can you hear me?\n" {
		t.Errorf("%q", text)
	}
}

// A web page that posts to the port is refused and nothing of it shown; what is neither is closed.
func TestAWebPageCantChat(t *testing.T) {
	l := newLAN(t, "web", "red")
	alice := l.host("alice", "10.77.0.1/16@red").start()
	box := l.host("box", "10.77.0.2/16@red")
	page := box.nc("10.77.0.1:8080")
	io.WriteString(page, "POST / HTTP/1.1\r\nHost: 10.77.0.1:8080\r\nContent-Type: text/plain\r\nContent-Length: 70\r\n\r\n"+
		`{"Chat":{"from_id":"1","from_name":"alice","content":"I resign","timestamp":1}}`+"\r\nI resign\r\n")
	page.hears("HTTP/1.1 400 Bad Request")
	<-page.over
	noise := box.nc("10.77.0.1:8080")
	noise.Write([]byte{0, 1, 2, 3})
	<-noise.over
	alice.until("the refusal", func(h happened) bool { return h.Event == "refused" && h.Reason == "HTTP request" })
	plain := box.nc("10.77.0.1:8080")
	plain.says("the end")
	alice.until("the end", func(h happened) bool { return h.Content == "the end" })
	once(t, "alice", alice.contents(), "the end")
}

// A seed's address that is dead delays nobody.
func TestADeadSeedProgramDelaysNobody(t *testing.T) {
	l := newLAN(t, "dead", "red")
	alice, bob := l.host("alice", "10.77.0.1/16@red").start(), l.host("bob", "10.77.0.2/16@red").start()
	dead, rusty := runScript(l.host("dead", "10.77.0.3/16@red"), robinID, "Dead", "10.77.0.3", 8080), runScript(l.host("rusty", "10.77.0.4/16@red"), rustyID, "Rusty", "10.77.0.4", 8080)
	dead.beacons()
	rusty.beacons()
	alice.sees("up", bob)
	alice.next = 0
	alice.meets("up", robinID)
	alice.next = 0
	alice.meets("up", rustyID)
	rusty.knows(alice)
	dead.knows(alice)
	alice.says("are you there?")
	dead.hears("alice: are you there?")
	rusty.hears("alice: are you there?")
	dead.host.ip("addr", "flush", "dev", "eth0") // it answers nothing any more
	for i := range 100 {
		alice.says(fmt.Sprint("line ", i))
	}
	bob.hears(alice, "line 99")
	rusty.hears("alice: line 99")
	// Had they to wait until it is given up, which takes 5 s and is tried with each line, all of these would.
	var took []time.Duration
	for i := range 5 {
		text, began := fmt.Sprint("alone ", i), time.Now()
		alice.says(text)
		bob.hears(alice, text)
		rusty.hears("alice: " + text)
		took = append(took, time.Since(began))
	}
	if slices.Sort(took); took[2] > 4*time.Second {
		t.Errorf("lines to the others took %v", took)
	}
	alice.next = 0
	alice.until("that it isn't reached", func(h happened) bool { return strings.Contains(h.Text, "can't be reached") })
	if lines := rusty.lines(); len(lines) != 106 || lines[1] != "alice: line 0" || lines[100] != "alice: line 99" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
