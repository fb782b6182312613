package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const (
	askAddress = "Enter peer address (or press Enter to start as server): "
	askPort    = "Enter port to listen on (default 8080): "
)

// asked is a start with --ask that meets only whom it is told of.
func asked(t *testing.T, home, name string, more ...string) *talker {
	t.Helper()
	return talk(t, name, program(t, home, append([]string{"start", "--ask", "--no-discovery", "--name", name}, more...)...))
}

// serves answers the questions of one that waits, and returns its port.
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

// Two that ask have the two-person program's conversation, to the letter.
func TestAskAndBeAsked(t *testing.T) {
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
func TestAskWithTheProgramItself(t *testing.T) {
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

// Answers that can't be are errors, and nothing is started.
func TestAskRefuses(t *testing.T) {
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
