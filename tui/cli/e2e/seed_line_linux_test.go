package e2e

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// netcat is a connection like that of nc, with the lines that arrive on it.
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

// says writes a line.
func (c *netcat) says(text string) { io.WriteString(c.Conn, text+"\n") }

// hears waits until a line has arrived.
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

// checkLines compares received lines, in any order.
func checkLines(t *testing.T, who string, got []string, want ...string) {
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

// Two nc clients, a JSON peer and two native peers hold one conversation: each gets each message once.
func TestMixedConversation(t *testing.T) {
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
	bob.says("bob here", "/unsigned and unsigned")
	one.hears("bob: and unsigned")
	two.hears("bob: and unsigned")
	rusty.hears("bob: and unsigned")
	alice.next = 0
	alice.until("the unsigned message", func(h happened) bool { return h.Content == "and unsigned" && h.Signature == "unsigned" })
	alice.quits() // all that was on its way has come
	bob.quits()
	checkLines(t, "alice", alice.contents(), "one here", "two here", "Rusty here", "bob here", "and unsigned")
	checkLines(t, "bob", bob.contents(), "one here", "two here", "Rusty here", "alice here")
	checkLines(t, "one", one.lines(), second+": two here", "Rusty: Rusty here", "alice: alice here", "bob: bob here", "bob: and unsigned")
	checkLines(t, "two", two.lines(), first+": one here", "Rusty: Rusty here", "alice: alice here", "bob: bob here", "bob: and unsigned")
	checkLines(t, "Rusty", rusty.lines(), first+": one here", second+": two here", "alice: alice here", "bob: bob here", "bob: and unsigned")
}

// The real nc works: a line that is piped into it is shown, and a silent client hears the room.
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

// An HTTP request from a web page is refused, and nothing in it is shown. Noise is closed.
func TestHTTPIsRefused(t *testing.T) {
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
	checkLines(t, "alice", alice.contents(), "the end")
}

// lineMode returns the program on this host in line mode, with these arguments.
func (h *host) lineMode(args ...string) *exec.Cmd {
	h.lan.t.Helper()
	cmd := h.command()
	for i, a := range cmd.Args {
		if a == "start" {
			cmd.Args = append(cmd.Args[:i+1], args...)
			return cmd
		}
	}
	h.lan.t.Fatalf("no start in %q", cmd.Args)
	return nil
}

// masked replaces the parts of a transcript that differ from run to run.
func masked(text string) string {
	for mask, form := range map[string]string{
		"<uuid>":    `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
		"<address>": `(10\.77\.0\.1|127\.0\.0\.1)`,
	} {
		text = regexp.MustCompile(form).ReplaceAllString(text, mask)
	}
	return text
}

// The documented walkthrough, word for word: Alice starts, then Bob, they talk, Charlie joins, one message
// goes to all, Bob leaves, and the others go on.
func TestWalkthrough(t *testing.T) {
	l := newLAN(t, "walk", "red")
	box := l.host("box", "10.77.0.1/16@red")
	alice := talk(t, "Alice", box.lineMode("--name", "Alice", "--port", "8080"))
	alice.shows("TCP listener started")
	if !testing.Short() {
		<-time.After(5 * time.Second)
	}
	bob := talk(t, "Bob", box.lineMode("--name", "Bob", "--port", "8081"))
	alice.shows("Discovered new peer: Bob")
	bob.shows("Discovered new peer: Alice")
	alice.types("/list")
	alice.shows(":8081\n")
	alice.types("/msg Hello Bob!")
	bob.shows("Alice says: Hello Bob!\n")
	bob.types("Hey Alice!")
	alice.shows("Bob says: Hey Alice!\n")
	charlie := talk(t, "Charlie", box.lineMode("--name", "Charlie", "--port", "8082"))
	for _, k := range []*talker{alice, bob} {
		k.shows("Discovered new peer: Charlie")
	}
	charlie.shows("Discovered new peer")
	charlie.shows("Discovered new peer")
	alice.types("Hello everyone!")
	bob.shows("Alice says: Hello everyone!\n")
	charlie.shows("Alice says: Hello everyone!\n")
	bob.types("/quit")
	if code, _ := bob.waits(); code != 0 {
		t.Errorf("Bob ended with %d", code)
	}
	alice.shows("Bob left\n")
	charlie.shows("Bob left\n")
	charlie.types("Still here")
	alice.shows("Charlie says: Still here\n")
	alice.types("So am I")
	charlie.shows("Alice says: So am I\n")
	head := func(name, port string) string {
		return "🎙️  Starting P2P Chat...\n👤 Your ID: <uuid>\n📡 Your Name: " + name + "\n🔌 Listening on port: " + port + "\n🔗 TCP listener started on port " + port + "\n"
	}
	_, text := alice.ends()
	want := head("Alice", "8080") + `🔍 Discovered new peer: Bob (<address>)
👥 Discovered peers:
  - Bob (<uuid>) at <address>:8081
📤 Message sent to 1 peer(s)
📨 Bob says: Hey Alice!
🔍 Discovered new peer: Charlie (<address>)
📤 Message sent to 2 peer(s)
👋 Bob left
📨 Charlie says: Still here
📤 Message sent to 1 peer(s)
`
	if d := cmp.Diff(want, masked(text)); d != "" {
		t.Error(d)
	}
	want = head("Bob", "8081") + `🔍 Discovered new peer: Alice (<address>)
📨 Alice says: Hello Bob!
📤 Message sent to 1 peer(s)
🔍 Discovered new peer: Charlie (<address>)
📨 Alice says: Hello everyone!
`
	if d := cmp.Diff(want, masked(bob.all())); d != "" {
		t.Error(d)
	}
	charlie.shows("Alice left\n")
	charlie.ends()
	if charlie.errs.Len()+alice.errs.Len()+bob.errs.Len() > 0 {
		t.Errorf("on stderr: %q %q %q", alice.errs.String(), bob.errs.String(), charlie.errs.String())
	}
	if got := strings.Count(charlie.all(), "says:"); got < 2 {
		t.Errorf("Charlie heard %q", charlie.all())
	}
}

// Where p2pchat is at the address, and can be found, the conversation is encrypted.
func TestTwoPersonFindsNativePeer(t *testing.T) {
	l := newLAN(t, "ask", "red")
	one, two := l.host("one", "10.77.0.1/16@red"), l.host("two", "10.77.0.2/16@red")
	server := begin(t, one.command("--port", "8123"))
	cmd := two.command("--ask")
	var args []string
	for _, a := range cmd.Args {
		if a != "--json" {
			args = append(args, a)
		}
	}
	cmd.Args = args
	client := talk(t, "two", cmd)
	client.shows(askAddress)
	client.types("10.77.0.1:8123")
	client.shows("Connected to peer!\n")
	client.types("hello")
	h := server.until("the line", func(h happened) bool { return h.Event == "message" })
	if h.Content != "hello" || h.Signature != "verified" || h.Kind != "native" {
		t.Errorf("%+v", h)
	}
	server.says("hi")
	client.shows("Peer: hi\n")
	_, text := client.ends()
	if d := cmp.Diff(askAddress+"Connecting to 10.77.0.1:8123...\nConnected to peer!\nPeer: hi\n", text); d != "" {
		t.Error(d)
	}
}
