package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// shell is the program on this host with just these arguments, in JSON mode since its input is no
// terminal.
func (h *host) shell(args ...string) *peer {
	h.lan.t.Helper()
	cmd := h.command("--")
	for i, arg := range cmd.Args {
		if arg == "start" {
			cmd.Args = append(cmd.Args[:i:i], append(args, "--json")...)
			break
		}
	}
	return begin(h.lan.t, cmd)
}

// The short forms of the command line, with the ports that they take by default: a number is a port,
// a HOST:PORT a peer, however the host is written; a port in use gives way unless it was asked for.
func TestPortsAndPeersByPosition(t *testing.T) {
	l := newLAN(t, "port", "red")
	h := l.host("here", "10.77.0.1/16@red")
	quiet := []string{"--no-discovery", "--name"}
	first := h.shell(append(quiet, "first")...)
	if first.ready.Port != 8080 {
		t.Errorf("the first listens on %d", first.ready.Port)
	}
	next := h.shell(append(quiet, "next")...)
	if next.ready.Port != 8081 {
		t.Errorf("the second listens on %d", next.ready.Port)
	}
	if said := next.until("word of the port", func(h happened) bool { return h.Event == "info" }); !strings.Contains(said.Text, "8080 is in use") || !strings.Contains(said.Text, "8081") {
		t.Errorf("it says %v", said)
	}
	numbered := h.shell(append(quiet, "numbered", "3000")...)
	if numbered.ready.Port != 3000 {
		t.Errorf("asked for 3000: %d", numbered.ready.Port)
	}
	for i, to := range []string{"[::1]:8080", "localhost:8080", "127.0.0.1:8080", "10.77.0.1:8080"} {
		p := h.shell(append(quiet, fmt.Sprint("caller", i), to)...)
		seen := p.sees("up", first)
		first.sees("up", p)
		if host, _, _ := net.SplitHostPort(to); host != "localhost" && !strings.Contains(seen.Addr, host) {
			t.Errorf("%s is seen at %s", to, seen.Addr)
		}
		p.quits()
		first.sees("left", p)
	}
	cmd := h.command("--no-discovery", "--port", "8080")
	code, out, errs := finish(t, cmd)
	if code != exitError || out != "" || !strings.Contains(errs, "port 8080 is in use") || !strings.Contains(errs, "--port") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
	// A name that nobody knows is said once, and tried for ever.
	p := h.shell(append(quiet, "lost", "no-such-host.invalid:8080")...)
	said := p.until("trouble", func(h happened) bool { return strings.Contains(h.Text, "can't connect to") })
	if said.Level != "warning" || !strings.Contains(said.Text, "no-such-host.invalid") || said.Hint == "" {
		t.Errorf("it says %v", said)
	}
	p.quits()
}
