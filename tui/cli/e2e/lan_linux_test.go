package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// lan is a network of its own, out of Linux network namespaces: hosts on switches, without default
// routes.
type lan struct {
	t    *testing.T
	name string // how the names of its namespaces begin
	hub  string // the namespace that the switches are in
	home string
}

// newLAN makes one with these switches, or skips the test where that can't be done. Tests with a
// network run in parallel, since they wait more than they work; TestMain lets many do so.
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

// port is the switch's end of the host's i-th cable.
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

// command is the program on this host, called as the host is.
func (h *host) command(more ...string) *exec.Cmd {
	h.lan.t.Helper()
	cmd := program(h.lan.t, h.lan.home, append([]string{"start", "--json", "--name", h.name}, more...)...)
	inside := exec.CommandContext(h.lan.t.Context(), "ip", append([]string{"netns", "exec", h.space}, cmd.Args...)...)
	inside.Env = cmd.Env
	return inside
}

// start starts the program; it takes its default ports, as a person's would.
func (h *host) start(more ...string) *peer {
	h.lan.t.Helper()
	return begin(h.lan.t, h.command(more...))
}
