package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"chat.lan/p2pchat/net/hostile"
)

// memoryOf returns the memory that a running program has, in bytes.
func memoryOf(p *peer) int {
	p.t.Helper()
	return bytesOf(p.t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS")
}

// descriptorsOf counts a running program's open files and connections.
func descriptorsOf(p *peer) int {
	p.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(entries)
}

// Names of peers that no one is, as fast as the program takes them, cost at most 20 MiB and few dials, and nothing stays.
func TestAttackByInventedPeers(t *testing.T) {
	t.Parallel()
	ann, ben := friends(t, t.TempDir())
	knocked, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var knocks atomic.Int64
	a := newAttacker(t)
	t.Cleanup(func() { knocked.Close() })
	go func() {
		for {
			conn, err := knocked.Accept()
			if err != nil {
				return
			}
			knocks.Add(1)
			conn.Close()
		}
	}()
	eve := a.link(ann, a.config(0))
	pause(time.Second)
	before := memoryOf(ann)
	rng := rand.New(rand.NewPCG(1, 1))
	began, most, frames := time.Now(), 0, 0
	for time.Since(began) < lasting(4*time.Second) {
		n, err := eve.SendAll(hostile.InventedPeers(rng, 50, func() string { return knocked.Addr().String() }))
		if frames += n; err != nil {
			t.Fatal(err)
		}
		most = max(most, memoryOf(ann)-before)
	}
	took := time.Since(began)
	exchange(t, "beside invented peers", time.Second, ann, ben)
	eve.Close()
	pause(2 * time.Second)
	dials, after := knocks.Load(), memoryOf(ann)-before
	t.Logf("%d invented peers in %v: +%d MiB at most, +%d MiB after; %d dials", 50*frames, took.Round(time.Millisecond), most>>20, after>>20, dials)
	most = max(most, after) // what the program took but hadn't read yet
	if most > 20<<20 && !raceDetector() {
		t.Errorf("they cost %d MiB", most>>20)
	}
	if limit := 32 * (took.Seconds() + 4); float64(dials) > limit { // eight at a time, each for a quarter of a second
		t.Errorf("%d dials, want at most %.0f", dials, limit)
	}
}

// A peer can't have the program knock at its own machine, nor at a site that the peer isn't in.
func TestAttackByHintsIntoAnotherScope(t *testing.T) {
	l := newLAN(t, "scope", "red")
	h := l.host("ann", "10.77.0.1/16@red", "192.0.2.1/24@red")
	ann := h.start("--no-discovery", "--listen", "0.0.0.0:8080")
	var knocks atomic.Int64
	var eve *hostile.Peer
	a := newAttacker(t)
	h.inside(func() {
		for _, at := range []string{"127.0.0.1:7001", "10.77.0.1:7001"} {
			knocked, err := net.Listen("tcp4", at)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { knocked.Close() })
			go func() {
				for {
					conn, err := knocked.Accept()
					if err != nil {
						return
					}
					t.Logf("knocked at %v", conn.LocalAddr())
					knocks.Add(1)
					conn.Close()
				}
			}()
		}
		// The link is from a public address.
		d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}}
		var err error
		if eve, err = hostile.Dial(t.Context(), d, "192.0.2.1:8080", a.config(0)); err != nil {
			t.Error(err)
		}
	})
	if eve == nil {
		t.FailNow()
	}
	rng := rand.New(rand.NewPCG(1, 1))
	hints := []string{"127.0.0.1:7001", "10.77.0.1:7001", "[::1]:7001", "[::ffff:127.0.0.1]:7001", "0.0.0.0:7001"}
	next := 0
	if _, err := eve.SendAll(hostile.InventedPeers(rng, 20, func() string { next++; return hints[next%len(hints)] })); err != nil {
		t.Fatal(err)
	}
	ann.until("Eve", func(h happened) bool { return h.Name == "Eve 0" && h.State == "up" })
	pause(4 * time.Second)
	if n := knocks.Load(); n != 0 {
		t.Errorf("the program knocked %d times", n)
	}
}

// Thousands of connections that said a first byte count in a limit. A peer still gets in.
func TestAttackByConnections(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ann := begin(t, program(t, home, alone("--name", "Ann")...))
	before := descriptorsOf(ann)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 8000 {
		t.Skipf("only %d files may be open here: %v", limit.Cur, err)
	}
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	most := 0
	for i := range 5000 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%16))}, Timeout: time.Second}
		c, err := d.DialContext(t.Context(), "tcp", addrOf(ann))
		if err != nil {
			continue
		}
		conns = append(conns, c)
		c.Write([]byte("h")) // text, whose line never ends
		if i%250 == 0 {
			most = max(most, descriptorsOf(ann)-before)
		}
	}
	pause(time.Second)
	most = max(most, descriptorsOf(ann)-before)
	t.Logf("%d connections were made; at most +%d descriptors", len(conns), most)
	if most > 3*256+1024+8 { // silent, text, unsettled; and those that wait for their turn
		t.Errorf("%d descriptors", most)
	}
	ben := begin(t, program(t, home, alone("--name", "Ben", "--connect", addrOf(ann))...))
	ann.sees("up", ben)
	ben.sees("up", ann)
	exchange(t, "beside many connections", time.Second, ann, ben)
}

// A key file that is a pipe doesn't hold the program up: it says what is wrong and ends.
func TestPipeAsKeyFile(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ann := begin(t, program(t, home, alone("--name", "Ann")...))
	ann.quits()
	file := ann.ready.Profile + "/identity.pem"
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	cmd := program(t, home, alone("--name", "Ann")...)
	cmd.Stdin = strings.NewReader("/quit\n")
	time.AfterFunc(patience/4, func() {
		select {
		case <-done:
		default:
			cmd.Process.Kill()
		}
	})
	code, _, errs := finish(t, cmd)
	close(done)
	if code != exitError || !strings.Contains(errs, "identity.pem") {
		t.Errorf("exit %d, %q", code, errs)
	}
}
