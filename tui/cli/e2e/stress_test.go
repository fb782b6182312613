package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// leaveStatus copies /proc/self/status for the test that started this process. The peak that wait4
// reports would include the test's own memory.
func leaveStatus(to string) {
	text, err := os.ReadFile("/proc/self/status")
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// measured makes cmd leave a status file for checkMemory.
func measured(t *testing.T, cmd *exec.Cmd) (status string) {
	t.Helper()
	status = filepath.Join(t.TempDir(), "status")
	if runtime.GOOS == "linux" {
		cmd.Env = append(cmd.Env, statusEnv+"="+status)
	}
	return status
}

// raceDetector reports whether the race detector runs, whose own memory would count as the program's.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// checkMemory fails when a process that has ended used more memory than its records and a fixed amount.
func checkMemory(t *testing.T, status string, lines int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	held := bytesOf(t, status, "VmHWM") >> 20
	t.Logf("held %d MiB at most", held)
	if most := 60 + lines/1024; held > most && !raceDetector() { // 1 KiB for a record and all that points at it
		t.Errorf("%d MiB, want at most %d", held, most)
	}
}

// bytesOf returns a size in a process's status, in bytes: "VmRSS" is its memory now, "VmHWM" the peak.
func bytesOf(t *testing.T, status, field string) int {
	t.Helper()
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), field+":")
	kilobytes := 0
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// A pipe into one peer comes out of another: whole, in order, each line once and verified, whether the
// input ends with /quit or by itself. Records are held in memory, the rest is bounded.
func TestPipe(t *testing.T) {
	for _, c := range []struct {
		lines int
		end   string
		long  bool
	}{
		{lines: 1000, end: "/quit\n"},
		{lines: 1000},
		{lines: 100_000, long: true},
	} {
		t.Run(fmt.Sprint(c.lines, strings.TrimSpace(c.end)), func(t *testing.T) {
			if c.long && testing.Short() {
				c.lines = 5000
			}
			cmd := neighbours(t)
			hearer := cmd("Hearer")
			ofHearer := measured(t, hearer)
			var errs bytes.Buffer
			stdin, out := piped(t, hearer, &errs)
			var reader sync.WaitGroup
			reader.Go(func() { checkWhole(t, out, c.lines) })
			sayer := cmd("Sayer")
			ofSayer := measured(t, sayer)
			var text bytes.Buffer
			for i := range c.lines {
				fmt.Fprintln(&text, "line", i)
			}
			sayer.Stdin = io.MultiReader(&text, strings.NewReader(c.end))
			began := time.Now()
			code, said, complaint := finish(t, sayer)
			t.Logf("said in %v", time.Since(began).Round(time.Millisecond))
			if code != 0 || complaint != "" {
				t.Errorf("sayer: exit %d, stderr %q", code, complaint)
			}
			if n := strings.Count(said, `{"event":"sent"`); n != c.lines {
				t.Errorf("%d lines were sent, want %d", n, c.lines)
			}
			stdin.Close()
			reader.Wait()
			if err := hearer.Wait(); err != nil || errs.Len() != 0 {
				t.Errorf("hearer: %v, stderr %q", err, errs.String())
			}
			checkMemory(t, ofSayer, c.lines)
			checkMemory(t, ofHearer, c.lines)
		})
	}
}

// checkWhole reads a hearer's output to its end.
func checkWhole(t *testing.T, out io.Reader, lines int) {
	t.Helper()
	in := bufio.NewScanner(out)
	next := 0
	for in.Scan() {
		var h happened
		if err := json.Unmarshal(in.Bytes(), &h); err != nil {
			t.Errorf("%v in %q", err, in.Bytes())
		}
		if h.Event == "message" {
			if want := fmt.Sprint("line ", next); h.Content != want || h.Signature != "verified" {
				t.Errorf("%+v, want %q verified", h, want)
			}
			next++
		}
	}
	if next != lines {
		t.Errorf("%d lines arrived, want %d", next, lines)
	}
}

// One peer reads a byte a second: the others hear everything as before. Once it reads faster it gets
// everything too, in order and each message once.
func TestSlowPeer(t *testing.T) {
	lines := 20_000
	if testing.Short() {
		lines = 3000
	}
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Ann")...))
	way := newProxy(t, fmt.Sprint("127.0.0.1:", a.ready.Port))
	slow := begin(t, program(t, home, alone("--name", "Slow", "--connect", way.addr())...))
	a.sees("up", slow)
	b := begin(t, program(t, home, alone("--name", "Ben", "--connect", fmt.Sprint("127.0.0.1:", a.ready.Port))...))
	a.sees("up", b)
	lift := way.throttle()
	for i := range lines {
		a.says(fmt.Sprint("line ", i))
	}
	for i := range lines {
		b.hears(a, fmt.Sprint("line ", i))
	}
	var took []time.Duration
	for i := range 20 {
		text, said := fmt.Sprint("alone ", i), time.Now()
		a.says(text)
		took = append(took, b.hears(a, text).at.Sub(said))
	}
	if slices.Sort(took); took[len(took)/2] > time.Second {
		t.Errorf("lines beside the slow peer took %v", took)
	}
	lift()
	for i := range lines {
		slow.hears(a, fmt.Sprint("line ", i))
	}
	slow.hears(a, "alone 19")
	for _, p := range []*peer{slow, b, a} {
		if heard := p.quits(); p != a && len(heard) != lines+20 {
			t.Errorf("%s heard %d lines, want %d", p.ready.Name, len(heard), lines+20)
		}
	}
}

// The reader of one peer's output stops (a pager, a stuck disk) while the others talk. They lose nothing
// meanwhile. When the reader goes on, it gets everything in order.
func TestStuckReader(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	t.Parallel()
	const lines = 20_000
	cmd := neighbours(t)
	a, b, stuck := begin(t, cmd("Ann")), begin(t, cmd("Ben")), begin(t, cmd("Stuck"))
	a.sees("up", b)
	a.sees("up", stuck)
	b.sees("up", stuck)
	resume := stuck.pause()
	for i := range lines {
		a.says(fmt.Sprint("line ", i))
	}
	for i := range lines {
		b.hears(a, fmt.Sprint("line ", i))
	}
	resume()
	for i := range lines {
		stuck.hears(a, fmt.Sprint("line ", i))
	}
	a.says("welcome back")
	stuck.hears(a, "welcome back")
	for _, p := range []*peer{a, b, stuck} {
		if heard := p.quits(); p != a && len(heard) != lines+1 {
			t.Errorf("%s heard %d lines, want %d", p.ready.Name, len(heard), lines+1)
		}
	}
}

// 1,000 silent connections from 130 addresses cost less than 10 MB, most are closed at once, and a native
// peer still gets in.
func TestSilentConnections(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127/8, and /proc")
	}
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Ann")...))
	before := bytesOf(t, fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid), "VmRSS")
	to := fmt.Sprint("127.0.0.1:", a.ready.Port)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 1000 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%130))}}
		c, err := d.DialContext(t.Context(), "tcp", to)
		if err != nil {
			t.Skipf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
	}
	gone := make(chan bool, len(conns))
	for _, c := range conns {
		go func() {
			_, err := c.Read(make([]byte, 1))
			gone <- err != nil
		}()
	}
	for range 1000 - 256 {
		select {
		case <-gone:
		case <-time.After(patience):
			t.Fatal("too few of them go")
		}
	}
	b := begin(t, program(t, home, alone("--name", "Ben", "--connect", to)...))
	a.sees("up", b)
	cost := bytesOf(t, fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid), "VmRSS") - before
	t.Logf("%.1f MB", float64(cost)/(1<<20))
	if cost > 10<<20 && !raceDetector() {
		t.Errorf("they cost %d bytes", cost)
	}
	b.says("hello")
	a.hears(b, "hello")
}

var kills = flag.Int("kills", 20, "how often TestKilledWhileWriting kills")

// A peer that sends is killed again and again, at any moment. No message that another peer heard is lost,
// and no place in the feed is used twice: in the end both have the same room.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	n := *kills
	if testing.Short() {
		n = min(n, 3)
	}
	cmd, home := neighboursAt(t)
	watcher := begin(t, cmd("Watcher"))
	rng := rand.New(rand.NewPCG(1, 2))
	said := 0
	for range n {
		talker := begin(t, cmd("Talker"))
		talker.sees("up", watcher)
		heard := said + 1 + rng.IntN(30)
		for ; said < heard+20; said++ {
			talker.says(fmt.Sprint("line ", said))
		}
		watcher.hears(talker, fmt.Sprint("line ", heard))
		any := time.Duration(rng.IntN(150)) * time.Millisecond // before, in and after a commit
		if h, ok := talker.within(any, &talker.next, func(h happened) bool { return h.Event == "error" }); ok {
			t.Errorf("before it is killed: %s", h.raw)
		}
		talker.cmd.Process.Kill()
		talker.cmd.Wait()
		watcher.sees("lost", talker)
	}
	talker := begin(t, cmd("Talker"))
	talker.sees("up", watcher)
	talker.says("the last")
	watcher.hears(talker, "the last")
	all := map[string]int{}
	for _, text := range contents(watcher.all()) {
		all[text]++
	}
	for text, times := range all {
		if times != 1 {
			t.Errorf("%q was heard %d times", text, times)
		}
	}
	want := exported(t, home, "Watcher")
	settled(t, home, "Talker", want)
	if lines := strings.Count(want, `\"kind\":\"chat\"`); lines != len(all) {
		t.Errorf("%d lines on disk, %d were heard", lines, len(all))
	}
	path := filepath.Join(home, "export")
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := finish(t, program(t, home, "verify", path))
	if code != 0 || strings.Contains(out, "missing") || !strings.Contains(out, fmt.Sprintf("in %d feeds", n+1)) {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
	talker.quits()
	watcher.quits()
}
