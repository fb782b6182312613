package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/link"
)

// freePort returns a free UDP port, for peers that must find only each other.
func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port)
}

// neighbours returns a function that makes commands for peers which find only each other, on this machine.
func neighbours(t *testing.T) func(name string, more ...string) *exec.Cmd {
	t.Helper()
	cmd, _ := neighboursAt(t)
	return cmd
}

// neighboursAt returns their home folder, too.
func neighboursAt(t *testing.T) (cmd func(name string, more ...string) *exec.Cmd, home string) {
	t.Helper()
	home = t.TempDir()
	port := freePort(t)
	return func(name string, more ...string) *exec.Cmd {
		return program(t, home, append([]string{"start", "--json", "--interface", "lo", "--discovery-port", port, "--no-mdns", "--port", "0", "--name", name}, more...)...)
	}, home
}

func TestTwoPeersOnOneMachine(t *testing.T) {
	cmd := neighbours(t)
	a := begin(t, cmd("Alice"))
	b := begin(t, cmd("Bob"))
	for _, pair := range [][2]*peer{{a, b}, {b, a}} {
		h := pair[0].sees("up", pair[1])
		soon(t, pair[0].ready.Name+" sees the other", b.ready.at, h.at, 2*time.Second)
		if want := fmt.Sprint("127.0.0.1:", pair[1].ready.Port); h.Addr != want || h.Name != pair[1].ready.Name || h.Kind != "native" || !h.Encrypted {
			t.Errorf("seen as %+v, want address %s", h, want)
		}
	}
	a.says("hello")
	sent := b.hears(a, "hello")
	if d := a.until("delivered", func(h happened) bool { return h.Event == "delivered" }); d.ID != sent.ID || d.Of != 1 {
		t.Errorf("delivered %+v, heard %+v", d, sent)
	}
	b.quits()
	soon(t, "left after /quit", time.Now(), a.sees("left", b).at, time.Second)
	a.quits()
	for _, h := range a.all() {
		if h.State == "lost" || h.State == "late" {
			t.Errorf("%+v", h)
		}
	}
}

// Each peer knows only the peer before it, without discovery. Peer exchange links them all.
func TestPeerExchange(t *testing.T) {
	home := t.TempDir()
	var peers []*peer
	for i := range 5 {
		args := alone("--name", fmt.Sprint("peer", i))
		if i > 0 {
			args = append(args, "--connect", fmt.Sprint("127.0.0.1:", peers[i-1].ready.Port))
		}
		peers = append(peers, begin(t, program(t, home, args...)))
	}
	last := peers[len(peers)-1].ready.at
	for _, p := range peers {
		missing := map[string]bool{}
		for _, q := range peers {
			missing[q.ready.ID] = q != p
		}
		for n := range len(peers) - 1 {
			h := p.until(fmt.Sprintf("further peer after %d", n), func(h happened) bool {
				return h.Event == "peer" && h.State == "up" && missing[h.ID]
			})
			missing[h.ID] = false
			soon(t, p.ready.Name+" meets "+h.Name, last, h.at, 3*time.Second)
		}
	}
	for _, p := range peers {
		p.says("hello from " + p.ready.Name)
	}
	for _, p := range peers {
		for _, q := range peers {
			if p.next = 0; p != q {
				p.hears(q, "hello from "+q.ready.Name)
			}
		}
	}
	for _, p := range peers {
		if heard := p.quits(); len(heard) != len(peers)-1 {
			t.Errorf("%s heard %q", p.ready.Name, heard)
		}
	}
}

// An address that --connect reached is dialled again at the next start, silently if no peer is there, and
// no longer after /disconnect.
func TestRememberedAddresses(t *testing.T) {
	home := t.TempDir()
	b := begin(t, program(t, home, alone("--name", "Ben")...))
	addr := fmt.Sprint("127.0.0.1:", b.ready.Port)
	a := begin(t, program(t, home, alone("--name", "Ann", "--connect", addr)...))
	a.sees("up", b)
	a.quits()
	again := begin(t, program(t, home, alone("--name", "Ann")...))
	again.sees("up", b)
	b.quits()
	again.sees("left", b)
	again.quits()
	third := begin(t, program(t, home, alone("--name", "Ann")...))
	c := begin(t, program(t, home, "start", "--json", "--no-discovery", "--name", "Ben", "--listen", addr))
	third.sees("up", c) // this peer wasn't there at first
	if i := slices.IndexFunc(third.all(), func(h happened) bool { return strings.Contains(h.Text, "can't connect") }); i >= 0 {
		t.Errorf("a remembered address without a peer is reported: %s", third.all()[i])
	}
	third.says("/disconnect Ben")
	third.sees("left", c)
	third.quits()
	d := begin(t, program(t, home, alone("--name", "Dora")...))
	last := begin(t, program(t, home, alone("--name", "Ann", "--connect", fmt.Sprint("127.0.0.1:", d.ready.Port))...))
	last.sees("up", d)
	last.says("hello")
	d.hears(last, "hello")
	last.says("/quit")
	_, log := last.end()
	if i := slices.IndexFunc(log, func(h happened) bool { return h.ID == c.ready.ID }); i >= 0 {
		t.Errorf("dialled after /disconnect: %s", log[i])
	}
}

// Two machines use one copied profile: the newer goes on, the older is warned and stops, and other peers
// don't see them take turns.
func TestCopiedProfile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 12 s")
	}
	t.Parallel()
	cmd := neighbours(t)
	dir, other := t.TempDir(), t.TempDir()
	watcher := begin(t, cmd("Watcher"))
	older := begin(t, cmd("Ann", "--profile", dir))
	watcher.sees("up", older)
	older.sees("up", watcher)
	key, err := os.ReadFile(filepath.Join(dir, "identity.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "identity.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	newer := begin(t, cmd("Ann", "--profile", other))
	if newer.ready.ID != older.ready.ID {
		t.Fatalf("%s is another than %s", newer.ready.ID, older.ready.ID)
	}
	newer.sees("up", watcher)
	told := older.until("word of the newer", func(h happened) bool { return h.Event == "error" })
	if !strings.Contains(told.Text, "elsewhere") || !strings.Contains(told.Hint, "--profile") {
		t.Errorf("the older gets %+v", told)
	}
	watcher.until("new address", func(h happened) bool {
		return h.State == "up" && h.ID == newer.ready.ID && strings.HasSuffix(h.Addr, ":"+strconv.Itoa(newer.ready.Port))
	})
	// Two rounds of beacons, in which the older could come back.
	if h, ok := watcher.within(12*time.Second, &watcher.next, func(h happened) bool { return h.Event == "peer" }); ok {
		t.Errorf("the watcher sees %+v", h)
	}
	watcher.says("hello?")
	newer.hears(watcher, "hello?")
	newer.says("me")
	watcher.hears(newer, "me")
	if heard := older.quits(); len(heard) != 0 {
		t.Errorf("the older heard %q after it had stopped", heard)
	}
	newer.says("still me")
	watcher.hears(newer, "still me")
}

// A program that is killed and started again is back at once, and nothing is lost.
func TestRestartAfterKill(t *testing.T) {
	cmd := neighbours(t)
	watcher := begin(t, cmd("Watcher"))
	var runs []string
	for _, text := range []string{"one", "two", "three"} {
		p := begin(t, cmd("Ann"))
		h := watcher.sees("up", p)
		soon(t, "seen", p.ready.at, h.at, 2*time.Second)
		p.says(text)
		watcher.hears(p, text)
		runs = append(runs, p.ready.ID)
		p.cmd.Process.Kill()
		p.end()
	}
	if runs[0] != runs[1] || runs[1] != runs[2] {
		t.Errorf("ids %q", runs)
	}
}

func TestConnectToSelf(t *testing.T) {
	a := begin(t, program(t, t.TempDir(), alone("--name", "Ann")...))
	a.says(fmt.Sprint("/connect 127.0.0.1:", a.ready.Port))
	h := a.until("warning", func(h happened) bool { return h.Level == "warning" })
	if !strings.Contains(h.Text, link.ErrOwnKey.Error()) || !strings.Contains(h.Hint, "yourself") {
		t.Errorf("%+v", h)
	}
	a.quits()
}
