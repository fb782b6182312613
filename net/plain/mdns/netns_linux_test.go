package mdns

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/mdns"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// roleEnv makes this test's program a host in a network namespace, which does what the role says until
// its standard input ends.
const roleEnv = "P2PCHAT_MDNS_TEST_ROLE"

// play runs a host. "us" is a Service on eth0 that prints the peers it finds; "them" is hashicorp's responder.
func play(role string) {
	switch role {
	case "us":
		g := group.New(context.Background(), nil)
		Start(g, Config{
			Self:       func() Self { return Self{ID: aliceID, Name: "Alice", Port: 8080} },
			Interfaces: func() []string { return []string{"lo", "eth0"} },
			Found:      func(d wire.Discovery, at netip.AddrPort) { fmt.Println(d.Name, d.ID, at) },
			Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
		defer g.Close()
	case "them":
		device, err := net.InterfaceByName("eth0")
		if err != nil {
			panic(err)
		}
		other, err := net.InterfaceByName("eth1")
		if err != nil {
			panic(err)
		}
		zone, err := mdns.NewMDNSService("Bob-"+bobID, "_chat._udp", "local.", "bob.local.", 8081, []net.IP{net.IPv4(203, 0, 113, 9)},
			[]string{"app=p2pchat", "peer_id=" + bobID})
		if err != nil {
			panic(err)
		}
		server, err := mdns.NewServer(&mdns.Config{Zone: zone, Iface: device, Logger: log.New(io.Discard, "", 0)})
		if err != nil {
			panic(err)
		}
		defer server.Shutdown()
		// It sends queries, too, and prints the peers it finds.
		for asked := 0; ; asked++ {
			on := device
			if asked%2 == 0 {
				on = other
			}
			entries := make(chan *mdns.ServiceEntry, 10)
			err := mdns.Query(&mdns.QueryParam{Service: "_chat._udp", Timeout: time.Second, Interface: on, Entries: entries,
				DisableIPv6: true, Logger: log.New(io.Discard, "", 0)})
			if err != nil {
				fmt.Println("error", err)
			}
			for len(entries) > 0 {
				e := <-entries
				fmt.Println(e.Name, e.AddrV4, e.Port)
			}
			if os.Getppid() == 1 {
				return
			}
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// run starts a host and returns what it prints.
func run(t *testing.T, namespace, role string) <-chan string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", namespace, self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := bufio.NewScanner(out)
		for s.Scan() {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		if role == "them" {
			cmd.Process.Kill()
		}
		<-done
		_ = cmd.Wait()
	})
	return lines
}

// Two hosts share a network, and ours has no default route. We find hashicorp's responder at its own
// address, not at the claimed one, and it finds us. No packet leaves our second interface, which is not
// named, although the other host sends queries there too.
func TestTwoHosts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	name := fmt.Sprintf("mdns%d", os.Getpid())
	a, b := name+"-a", name+"-b"
	if out, err := exec.Command("ip", "netns", "add", a).CombinedOutput(); err != nil {
		t.Skipf("can't make a network namespace here: %v: %s", err, out)
	}
	t.Cleanup(func() { ip(t, "netns", "del", a) })
	ip(t, "netns", "add", b)
	t.Cleanup(func() { ip(t, "netns", "del", b) })
	for _, ns := range []string{a, b} {
		// Else the kernel itself sends on eth1.
		ip(t, "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
		ip(t, "-n", ns, "link", "set", "lo", "up")
	}
	for i, dev := range []string{"eth0", "eth1"} {
		ip(t, "link", "add", dev, "netns", a, "type", "veth", "peer", "name", dev, "netns", b)
		ip(t, "-n", a, "addr", "add", fmt.Sprintf("10.99.%d.1/24", i), "dev", dev)
		ip(t, "-n", b, "addr", "add", fmt.Sprintf("10.99.%d.2/24", i), "dev", dev)
		ip(t, "-n", a, "link", "set", dev, "up")
		ip(t, "-n", b, "link", "set", dev, "up")
	}
	ip(t, "-n", b, "route", "add", "default", "dev", "eth1") // hashicorp's client joins there, and needs one

	us, them := run(t, a, "us"), run(t, b, "them")
	wait := func(lines <-chan string, want string) {
		t.Helper()
		limit := time.After(40 * time.Second)
		for {
			select {
			case l := <-lines:
				if l == want {
					return
				}
				t.Logf("heard %q", l)
			case <-limit:
				t.Fatalf("never heard %q", want)
			}
		}
	}
	wait(us, "Bob "+bobID+" 10.99.0.2:8081")
	wait(them, "Alice-"+aliceID+"._chat._udp.local. 10.99.0.1 8080")
	wait(us, "Bob "+bobID+" 10.99.0.2:8081")
	out, err := exec.Command("ip", "netns", "exec", a, "cat", "/sys/class/net/eth1/statistics/tx_packets").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.TrimSpace(string(out)); n != "0" {
		t.Errorf("%s packets left by the interface that was not named", n)
	}
}
