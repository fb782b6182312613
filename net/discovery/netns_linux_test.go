package discovery

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// lan is a network of its own, out of Linux network namespaces: hosts on switches, no default route.
type lan struct {
	t    *testing.T
	name string // how the names of its namespaces begin
	hub  string
}

// newLAN makes one, or skips the test where that can't be done.
func newLAN(t *testing.T, name string) *lan {
	t.Helper()
	t.Parallel() // these wait more than they work
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip(8), to make network namespaces: ", err)
	}
	name = fmt.Sprintf("disc%d-%s", os.Getpid(), name)
	l := &lan{t: t, name: name, hub: name + "-hub"}
	if out, err := exec.Command("ip", "netns", "add", l.hub).CombinedOutput(); err != nil {
		t.Skipf("can't make a network namespace here: %v: %s", err, out)
	}
	t.Cleanup(func() { l.ip("netns", "del", l.hub) })
	return l
}

// ip runs ip(8), which must succeed.
func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// switches makes a switch in the hub for each name.
func (l *lan) switches(names ...string) {
	l.t.Helper()
	for _, n := range names {
		l.ip("-n", l.hub, "link", "add", n, "type", "bridge")
		l.ip("-n", l.hub, "link", "set", n, "up")
	}
}

// host makes host n, with loopback only.
func (l *lan) host(n int) string {
	l.t.Helper()
	name := fmt.Sprintf("%s-%d", l.name, n)
	l.ip("netns", "add", name)
	l.t.Cleanup(func() { l.ip("netns", "del", name) })
	l.ip("-n", name, "link", "set", "lo", "up")
	return name
}

// plug connects a host's interface to a switch.
func (l *lan) plug(host, dev, to, prefix string) {
	l.t.Helper()
	port := to + "-" + host[strings.LastIndex(host, "-")+1:]
	l.ip("link", "add", dev, "netns", host, "type", "veth", "peer", "name", port, "netns", l.hub)
	l.ip("-n", l.hub, "link", "set", port, "master", to, "up")
	l.ip("-n", host, "addr", "add", prefix, "dev", dev)
	l.ip("-n", host, "link", "set", dev, "up")
}

// process is a running host.
type process struct {
	t       *testing.T
	n       int
	stdin   io.Closer
	reports chan report
	cmd     *exec.Cmd
}

// run starts the n-th peer on a host. It is ended with the test, before the namespaces are.
func (l *lan) run(host string, n int, interfaces ...string) *process {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	p := &process{t: l.t, n: n, reports: make(chan report, 1000)}
	p.cmd = exec.Command("ip", "netns", "exec", host, self)
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", hostEnv, n), hostPort+"=9753", hostInterfaces+"="+strings.Join(interfaces, ","))
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		l.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		defer close(p.reports)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r report
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				p.t.Errorf("host %d: %v: %s", p.n, err, lines.Bytes())
			}
			p.reports <- r
		}
	}()
	l.t.Cleanup(func() { p.quit() })
	return p
}

// quit ends the process, which says goodbye.
func (p *process) quit() {
	p.t.Helper()
	if p.cmd.ProcessState != nil {
		return
	}
	p.stdin.Close()
	for range p.reports { // until its output ends, as Wait wants it
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("host %d: %v", p.n, err)
	}
}

// until waits for the report that is asked for.
func (p *process) until(what string, want func(report) bool) report {
	p.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case r, ok := <-p.reports:
			if !ok {
				p.t.Fatalf("host %d ended; waited for %s", p.n, what)
			}
			if want(r) {
				return r
			}
		case <-deadline:
			p.t.Fatalf("host %d: no %s in 20 s", p.n, what)
		}
	}
}

// hears waits until every peer was announced from its address, and fails if one comes from another.
func (p *process) hears(want map[string]string) {
	p.t.Helper()
	missing := len(want)
	heard := map[string]bool{}
	p.until(fmt.Sprintf("beacon of each of %v", want), func(r report) bool {
		if r.Kind != "announce" || !r.Source.Addr().Is4() || heard[r.ID] {
			return false
		}
		if at := r.Source.Addr().String(); want[r.ID] != at || r.IP != at {
			p.t.Errorf("host %d heard %s from %s claiming %s, want %q", p.n, r.ID, at, r.IP, want[r.ID])
		}
		if to := netip.AddrPortFrom(r.Source.Addr(), 8080); len(r.Dial) != 1 || r.Dial[0] != to {
			p.t.Errorf("host %d would dial %v for %s, want %v", p.n, r.Dial, r.ID, to)
		}
		heard[r.ID] = true
		missing--
		return missing == 0
	})
}

func TestHostsFindEachOtherWithoutRoutes(t *testing.T) {
	l := newLAN(t, "r")
	l.switches("swa", "swb")
	h1, h2, h3, h4 := l.host(1), l.host(2), l.host(3), l.host(4)
	l.plug(h1, "eth0", "swa", "10.91.0.1/16")
	l.plug(h2, "eth0", "swa", "10.91.0.2/16")
	l.plug(h3, "eth0", "swa", "10.91.0.3/16")
	l.plug(h3, "eth1", "swb", "10.92.0.3/16")
	l.plug(h4, "eth0", "swb", "10.92.0.4/16")
	p1, p2, p3, p4 := l.run(h1, 1), l.run(h2, 2), l.run(h3, 3), l.run(h4, 4)
	p1.hears(map[string]string{"id-2": "10.91.0.2", "id-3": "10.91.0.3"})
	p2.hears(map[string]string{"id-1": "10.91.0.1", "id-3": "10.91.0.3"})
	p3.hears(map[string]string{"id-1": "10.91.0.1", "id-2": "10.91.0.2", "id-4": "10.92.0.4"})
	p4.hears(map[string]string{"id-3": "10.92.0.3"})
	if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
		r := p4.until("beacon by IPv6", func(r report) bool { return r.Kind == "announce" && r.Source.Addr().Is6() })
		if r.ID != "id-3" || r.Source.Addr().Zone() != "eth0" {
			t.Errorf("by IPv6 host 4 heard %s from %s", r.ID, r.Source)
		}
	}
	p3.quit()
	p4.until("goodbye of id-3", func(r report) bool { return r.Kind == "goodbye" && r.ID == "id-3" })
	p1.until("goodbye of id-3", func(r report) bool { return r.Kind == "goodbye" && r.ID == "id-3" })
}

func TestCableAndAddress(t *testing.T) {
	l := newLAN(t, "c")
	l.switches("swa")
	h1, h2 := l.host(1), l.host(2)
	l.plug(h1, "eth0", "swa", "10.91.0.1/16")
	l.plug(h2, "eth0", "swa", "10.91.0.2/16")
	p1, p2 := l.run(h1, 1), l.run(h2, 2)
	p1.hears(map[string]string{"id-2": "10.91.0.2"})
	p2.hears(map[string]string{"id-1": "10.91.0.1"})

	eth0 := func(r report) (i InterfaceStatus) {
		for _, i = range r.Status.Report.Interfaces {
			if i.Name == "eth0" {
				return i
			}
		}
		return InterfaceStatus{}
	}
	from := func(addr string) func(report) bool {
		return func(r report) bool { return r.Kind == "announce" && r.Source.Addr().String() == addr }
	}
	skipped := func(why string) func(report) bool {
		return func(r report) bool { return eth0(r).Skipped == why }
	}
	back := func(by string) {
		t.Helper()
		p2.until("beacon after "+by, from("10.91.0.1"))
		first := time.Now()
		p2.until("second beacon of the burst", from("10.91.0.1"))
		p2.until("third beacon of the burst", from("10.91.0.1"))
		if took := time.Since(first); took > 3700*time.Millisecond {
			t.Errorf("three beacons took %v after %s: no burst", took, by)
		}
	}
	drain := func() {
		for {
			select {
			case <-p2.reports:
			default:
				return
			}
		}
	}

	p2.until("third beacon of the first burst", from("10.91.0.1"))
	l.ip("-n", l.hub, "link", "set", "swa-1", "down") // its cable out
	p1.until("eth0 without a cable", skipped("not connected"))
	drain()
	l.ip("-n", l.hub, "link", "set", "swa-1", "up")
	back("the cable")

	l.ip("-n", h1, "link", "set", "eth0", "down")
	p1.until("eth0 down", skipped("down"))
	drain()
	l.ip("-n", h1, "link", "set", "eth0", "up")
	back("the interface")

	l.ip("-n", h1, "addr", "del", "10.91.0.1/16", "dev", "eth0")
	l.ip("-n", h1, "addr", "add", "10.91.7.7/16", "dev", "eth0")
	r := p2.until("beacon of the new address", from("10.91.7.7"))
	if r.ID != "id-1" || r.IP != "10.91.7.7" || len(r.Dial) != 1 {
		t.Errorf("after the change of address: %+v", r)
	}
}

func TestLoopbackOnlyStaysOnTheMachine(t *testing.T) {
	l := newLAN(t, "l")
	l.switches("swa")
	h1, h2, h3 := l.host(1), l.host(2), l.host(3)
	l.plug(h1, "eth0", "swa", "10.91.0.1/16")
	l.plug(h2, "eth0", "swa", "10.91.0.2/16")
	l.plug(h3, "eth0", "swa", "10.91.0.3/16")
	p2 := l.run(h2, 2)
	p2.until("its first status", func(r report) bool { return r.Kind == "status" })
	p1, p5 := l.run(h1, 1, "lo"), l.run(h1, 5, "lo")
	p1.hears(map[string]string{"id-5": "127.0.0.1"})
	p5.hears(map[string]string{"id-1": "127.0.0.1"})
	p3 := l.run(h3, 3)
	// By now whatever the two on loopback sent elsewhere would have come before this.
	p2.until("beacon of id-3, and none of others", func(r report) bool {
		if r.ID != "" && r.ID != "id-3" {
			t.Errorf("host 2 heard %s from %s", r.ID, r.Source)
		}
		return r.ID == "id-3"
	})
	p3.hears(map[string]string{"id-2": "10.91.0.2"})
	p5.quit()
	p1.until("goodbye of id-5, and none of other machines", func(r report) bool {
		if r.ID != "" && r.ID != "id-5" {
			t.Errorf("on loopback host 1 heard %s from %s", r.ID, r.Source)
		}
		return r.Kind == "goodbye"
	})
}
