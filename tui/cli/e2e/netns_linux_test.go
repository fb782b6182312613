package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lan is a network made of Linux network namespaces: hosts on switches, without default routes.
type lan struct {
	t    *testing.T
	name string // how the names of its namespaces begin
	hub  string // the namespace that the switches are in
	home string
}

// newLAN makes a network with these switches, or skips the test where that is impossible. Tests with a
// network run in parallel, since they mostly wait.
func newLAN(t *testing.T, name string, switches ...string) *lan {
	t.Helper()
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip(8), to make network namespaces: ", err)
	}
	name = fmt.Sprintf("chat%d-%s", os.Getpid(), name)
	l := &lan{t: t, name: name, hub: name + "-hub", home: t.TempDir()}
	if out, err := exec.Command("ip", "netns", "add", l.hub).CombinedOutput(); err != nil {
		t.Skipf("can't make a network namespace here: %v: %s", err, out)
	}
	t.Cleanup(func() { l.ip("netns", "del", l.hub) })
	for _, s := range switches {
		l.ip("-n", l.hub, "link", "add", s, "type", "bridge")
		l.ip("-n", l.hub, "link", "set", s, "up")
	}
	return l
}

// ip runs ip(8), which must succeed.
func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// host makes a host, with an interface eth0, eth1 … for each address; its name and an address are
// written name=10.0.0.1/24@switch.
func (l *lan) host(name string, plugs ...string) *host {
	l.t.Helper()
	h := &host{l, name, l.name + "-" + name}
	l.ip("netns", "add", h.space)
	l.t.Cleanup(func() { l.ip("netns", "del", h.space) })
	h.ip("link", "set", "lo", "up")
	for i, plug := range plugs {
		addr, to, _ := strings.Cut(plug, "@")
		dev := fmt.Sprint("eth", i)
		l.ip("link", "add", dev, "netns", h.space, "type", "veth", "peer", "name", h.port(i), "netns", l.hub)
		l.ip("-n", l.hub, "link", "set", h.port(i), "master", to, "up")
		h.ip("addr", "add", addr, "dev", dev)
		h.ip("link", "set", dev, "up")
	}
	return h
}

// host is a machine on a lan.
type host struct {
	lan   *lan
	name  string
	space string // its namespace
}

func (h *host) ip(args ...string) {
	h.lan.t.Helper()
	h.lan.ip(append([]string{"-n", h.space}, args...)...)
}

// port returns the switch's end of the host's i-th cable.
func (h *host) port(i int) string { return fmt.Sprint(h.name, "-", i) }

// cable takes the first cable out of the switch (down) or puts it back (up).
func (h *host) cable(state string) {
	h.lan.t.Helper()
	h.lan.ip("-n", h.lan.hub, "link", "set", h.port(0), state)
}

// plug puts the first cable into another switch.
func (h *host) plug(to string) {
	h.lan.t.Helper()
	h.lan.ip("-n", h.lan.hub, "link", "set", h.port(0), "master", to)
}

// command returns the program on this host, with the host's name.
func (h *host) command(more ...string) *exec.Cmd {
	h.lan.t.Helper()
	cmd := program(h.lan.t, h.lan.home, append([]string{"start", "--json", "--name", h.name}, more...)...)
	inside := exec.CommandContext(h.lan.t.Context(), "ip", append([]string{"netns", "exec", h.space}, cmd.Args...)...)
	inside.Env = cmd.Env
	return inside
}

// start starts the program on this host with its default ports.
func (h *host) start(more ...string) *peer {
	h.lan.t.Helper()
	return begin(h.lan.t, h.command(more...))
}

// The scripts here imitate the seed's programs byte for byte, and share no code with ours.

// inside runs f in the host's network, so that f's sockets are there. f must make them in its own goroutine.
func (h *host) inside(f func()) {
	h.lan.t.Helper()
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never back: the thread ends with the goroutine
		space, err := os.Open("/var/run/netns/" + h.space)
		if err == nil {
			defer space.Close()
			err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			f()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		h.lan.t.Fatalf("enter %s: %v", h.space, err)
	}
}

// shell starts the program on this host with only these arguments and --json.
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

// Three hosts have no default route, a fourth has two interfaces, a fifth is only on the second network.
// All that can find each other do, at the right addresses.
func TestDiscoveryAcrossHosts(t *testing.T) {
	l := newLAN(t, "find", "red", "blue")
	addrs := map[string][]string{
		"one": {"10.77.0.1/16@red"}, "two": {"10.77.0.2/16@red"}, "three": {"10.77.0.3/16@red"},
		"four": {"10.77.0.4/16@red", "10.78.0.4/16@blue"}, "five": {"10.78.0.5/16@blue"},
	}
	names := []string{"one", "two", "three", "four", "five"}
	hosts, peers := map[string]*host{}, map[string]*peer{}
	for _, name := range names {
		hosts[name] = l.host(name, addrs[name]...)
	}
	for _, name := range names {
		peers[name] = hosts[name].start()
	}
	last := peers["five"].ready.at
	for _, name := range names {
		expect := map[string]string{} // by id
		for _, other := range names {
			for _, mine := range addrs[name] {
				for _, theirs := range addrs[other] {
					addr, net, _ := strings.Cut(theirs, "/")
					if other != name && strings.HasSuffix(mine, net) {
						expect[peers[other].ready.ID] = addr + ":8080"
					}
				}
			}
		}
		for len(expect) > 0 {
			h := peers[name].until("further peers", func(h happened) bool { return h.Event == "peer" && h.State == "up" })
			if want := expect[h.ID]; h.Addr != want {
				t.Errorf("%s finds %s at %s, want %q", name, h.Name, h.Addr, want)
			}
			delete(expect, h.ID)
			soon(t, name+" finds "+h.Name, last, h.at, 3*time.Second)
		}
	}
	// Each says a line; all five hear the other four's, also across the two networks, and each once.
	for _, name := range names {
		peers[name].says("this is " + name)
	}
	for _, name := range names {
		heard := 0
		peers[name].until("all messages", func(h happened) bool {
			if h.Event == "message" {
				heard++
			}
			return heard == len(names)-1
		})
	}
	checkAllHeard(t, peers)
}

// checkAllHeard ends the peers, each of which has said "this is NAME", and fails unless each heard
// the others' lines once.
func checkAllHeard(t *testing.T, peers map[string]*peer) {
	t.Helper()
	var all []string
	for name := range peers {
		all = append(all, "this is "+name)
	}
	for name, p := range peers {
		heard := append(p.quits(), "this is "+name)
		slices.Sort(heard)
		if slices.Sort(all); !slices.Equal(heard, all) {
			t.Errorf("%s heard, with its own, %q", name, heard)
		}
	}
}

// A and C can't reach each other, but both reach B. All three hear each other.
func TestRelay(t *testing.T) {
	for _, how := range []string{"blackhole", "networks"} {
		t.Run(how, func(t *testing.T) {
			l := newLAN(t, "via"+how[:1], "red", "blue")
			peers := map[string]*peer{}
			if how == "networks" {
				peers["b"] = l.host("b", "10.77.0.2/16@red", "10.78.0.2/16@blue").start()
				peers["c"] = l.host("c", "10.78.0.3/16@blue").start()
				peers["a"] = l.host("a", "10.77.0.1/16@red").start()
			} else {
				a, c := l.host("a", "10.77.0.1/16@red"), l.host("c", "10.77.0.3/16@red")
				a.ip("route", "add", "blackhole", "10.77.0.3")
				c.ip("route", "add", "blackhole", "10.77.0.1")
				peers["b"] = l.host("b", "10.77.0.2/16@red").start()
				peers["a"], peers["c"] = a.start(), c.start()
			}
			for _, name := range []string{"a", "c"} {
				peers["b"].sees("up", peers[name])
				peers[name].sees("up", peers["b"])
			}
			for name, p := range peers {
				p.says("this is " + name)
			}
			for name, p := range peers {
				for other, q := range peers {
					if other != name {
						p.next = 0
						p.hears(q, "this is "+other)
					}
				}
			}
			checkAllHeard(t, peers)
		})
	}
}

// A number is a port and a HOST:PORT is a peer, in every form of a host. A default port that is in use
// gives way to the next, a requested port is an error.
func TestPositionalArguments(t *testing.T) {
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
	// A name that no one knows is said once, and tried for ever.
	p := h.shell(append(quiet, "lost", "no-such-host.invalid:8080")...)
	said := p.until("trouble", func(h happened) bool { return strings.Contains(h.Text, "can't connect to") })
	if said.Level != "warning" || !strings.Contains(said.Text, "no-such-host.invalid") || said.Hint == "" {
		t.Errorf("it says %v", said)
	}
	p.quits()
}
