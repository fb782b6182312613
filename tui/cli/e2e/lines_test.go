package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// talker is a running program in line mode, whose output is read as it comes.
type talker struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	errs  strings.Builder // read it after the end only

	mu    sync.Mutex
	text  strings.Builder
	ended bool          // guarded by mu; nothing comes any more
	more  chan struct{} // closed and made anew when there is more; guarded by mu
	over  chan struct{} // closed when the reader has ended
	seen  int           // how much of text shows has returned; for the test's goroutine
}

// talk starts cmd.
func talk(t *testing.T, name string, cmd *exec.Cmd) *talker {
	t.Helper()
	k := &talker{t: t, name: name, cmd: cmd, more: make(chan struct{}), over: make(chan struct{})}
	stdin, out := piped(t, cmd, &k.errs)
	k.stdin = stdin
	go k.read(out)
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-k.over
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %q\nstderr %q", name, k.text.String(), k.errs.String())
		}
	})
	return k
}

func (k *talker) read(out io.Reader) {
	defer close(k.over)
	buf := make([]byte, 4<<10)
	for {
		n, err := out.Read(buf)
		k.mu.Lock()
		k.text.Write(buf[:n])
		k.ended = err != nil
		close(k.more)
		k.more = make(chan struct{})
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// shows waits until text is printed, behind the text of the call before, and returns all from there on.
func (k *talker) shows(text string) string {
	k.t.Helper()
	deadline := time.After(patience)
	for {
		k.mu.Lock()
		rest, more, over := k.text.String()[k.seen:], k.more, k.ended
		k.mu.Unlock()
		if i := strings.Index(rest, text); i >= 0 {
			k.seen += i + len(text)
			return rest[i:]
		}
		if over {
			k.t.Fatalf("%s ended without %q", k.name, text)
		}
		select {
		case <-more:
		case <-deadline:
			k.t.Fatalf("%s: no %q in %q", k.name, text, rest)
		}
	}
}

func (k *talker) types(lines ...string) {
	k.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(k.stdin, line+"\n"); err != nil {
			k.t.Fatal(err)
		}
	}
}

// all returns the output so far.
func (k *talker) all() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// ends closes the input and waits for the end.
func (k *talker) ends() (code int, text string) {
	k.t.Helper()
	k.stdin.Close()
	return k.waits()
}

// waits waits for the end.
func (k *talker) waits() (code int, text string) {
	k.t.Helper()
	select {
	case <-k.over:
	case <-time.After(patience):
		k.t.Fatalf("%s doesn't end", k.name)
	}
	k.cmd.Wait()
	return k.cmd.ProcessState.ExitCode(), k.text.String()
}

const (
	askAddress = "Enter peer address (or press Enter to start as server): "
	askPort    = "Enter port to listen on (default 8080): "
)

// asked starts the program with --ask and without discovery.
func asked(t *testing.T, home, name string, more ...string) *talker {
	t.Helper()
	return talk(t, name, program(t, home, append([]string{"start", "--ask", "--no-discovery", "--name", name}, more...)...))
}

// serves answers the two questions so that the program waits for a peer, and returns its port.
func serves(t *testing.T, k *talker) (port int) {
	t.Helper()
	k.shows(askAddress)
	k.types("")
	k.shows(askPort)
	k.types("0")
	k.shows("Waiting for peer to connect...\n")
	_, after, _ := strings.Cut(k.all(), "Listening on: 0.0.0.0:")
	if _, err := fmt.Sscan(after, &port); err != nil || port == 0 {
		t.Fatal("no port: ", err)
	}
	return port
}

// Two programs with --ask print the two-person program's conversation, to the letter.
func TestTwoPerson(t *testing.T) {
	home := t.TempDir()
	server := asked(t, home, "Ann")
	port := serves(t, server)
	client := asked(t, home, "Ben", "--port", "0")
	client.shows(askAddress)
	client.types(fmt.Sprint("127.0.0.1:", port))
	client.shows("Connected to peer!\n")
	client.types("hello")
	server.shows("Peer connected from: 127.0.0.1:")
	server.shows("Peer: hello\n")
	server.types("hi there")
	client.shows("Peer: hi there\n")
	if code, text := client.ends(); code != 0 || text != fmt.Sprintf(askAddress+"Connecting to 127.0.0.1:%d...\nConnected to peer!\nPeer: hi there\n", port) {
		t.Errorf("code %d, %q", code, text)
	}
	server.shows("Peer disconnected\n")
	if code, text := server.ends(); code != 0 || strings.Count(text, "\n") != 5 {
		t.Errorf("code %d, %q", code, text)
	}
}

// The two-person program itself: it speaks bare lines, and connects or waits.
func TestTwoPersonWithBareLines(t *testing.T) {
	home := t.TempDir()
	server := asked(t, home, "Ann")
	conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", serves(t, server)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "from the program\n")
	server.shows("Peer: from the program\n")
	server.types("an answer")
	conn.SetReadDeadline(time.Now().Add(patience))
	if got, err := bufio.NewReader(conn).ReadString('\n'); got != "an answer\n" {
		t.Errorf("%q, %v", got, err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := asked(t, home, "Ben", "--port", "0")
	client.shows(askAddress)
	client.types(l.Addr().String())
	met, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer met.Close()
	client.shows("Connected to peer!\n")
	client.types("one", "two")
	in := bufio.NewReader(met)
	met.SetReadDeadline(time.Now().Add(patience))
	for _, want := range []string{"one\n", "two\n"} {
		if got, err := in.ReadString('\n'); got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	io.WriteString(met, "three\r\n")
	client.shows("Peer: three\n")

	// Discovery, which is on by default, doesn't find it: then it is dialled all the same.
	seeker := talk(t, "Cid", program(t, t.TempDir(), "start", "--ask", "--name", "Cid", "--interface", "lo",
		"--discovery-port", freePort(t), "--no-mdns", "--port", "0"))
	seeker.shows(askAddress)
	seeker.types(l.Addr().String())
	l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	found, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	seeker.shows("Connected to peer!\n")

	// With a third there are names.
	third, err := net.Dial("tcp", conn.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	io.WriteString(third, "me too\n")
	server.shows(fmt.Sprintf("Peer connected from: %s\n%s: me too\n", third.LocalAddr(), third.LocalAddr()))
	io.WriteString(conn, "and I\n")
	server.shows(fmt.Sprintf("%s: and I\n", conn.LocalAddr()))
}

// Senseless answers are errors, and nothing is started.
func TestTwoPersonBadAnswers(t *testing.T) {
	for answers, want := range map[string]string{
		"nonsense:x\n": "not an address",
		"\n99999\n":    "not a number from 1 to 65535",
	} {
		cmd := program(t, t.TempDir(), "start", "--ask", "--no-discovery")
		cmd.Stdin = strings.NewReader(answers)
		if code, out, errs := finish(t, cmd); code != exitError || !strings.Contains(errs, want) || strings.Contains(out, "Listening") {
			t.Errorf("%q: code %d, %q, %q", answers, code, out, errs)
		}
	}
	if code, _, errs := finish(t, program(t, t.TempDir(), "start", "--ask", "--json")); code != exitUsage || !strings.Contains(errs, "one of the two") {
		t.Errorf("code %d, %q", code, errs)
	}
}

// A --connect to a program that speaks lines fails with a hint. With line:// both talk.
func TestConnectToLineProgram(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	a := begin(t, program(t, t.TempDir(), alone("--name", "Ann", "--connect", addr)...))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "hello?\n") // it doesn't understand what comes
	h := a.until("the hint", func(h happened) bool { return h.Level == "warning" })
	if !strings.Contains(h.Hint, "line://"+addr) || !strings.Contains(h.Hint, "json://"+addr) {
		t.Errorf("%+v", h)
	}
	conn.Close()
	a.says("/connect line://" + addr)
	for { // the native dial is tried again, too
		if conn, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		if b, err := in.Peek(1); err == nil && b[0] == 0x16 {
			conn.Close()
			continue
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		io.WriteString(conn, "hello\r\nlast")
		a.until("hello", func(h happened) bool { return h.Content == "hello" && h.Kind == "line" && h.Signature == "unsigned" })
		a.says("hi")
		if got, err := in.ReadString('\n'); got != "Ann: hi\n" {
			t.Errorf("%q, %v", got, err)
		}
		break
	}
	conn.(*net.TCPConn).CloseWrite()
	a.until("a line without an end", func(h happened) bool { return h.Content == "last" })
}
