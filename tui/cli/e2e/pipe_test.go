package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// freePort is a UDP port that nobody uses, for peers that are to find only each other.
func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port)
}

// neighbours makes commands of peers that find each other, and nobody else, on this machine.
func neighbours(t *testing.T) func(name string, more ...string) *exec.Cmd {
	t.Helper()
	cmd, _ := neighboursAt(t)
	return cmd
}

// neighboursAt tells their home, too.
func neighboursAt(t *testing.T) (cmd func(name string, more ...string) *exec.Cmd, home string) {
	t.Helper()
	home = t.TempDir()
	port := freePort(t)
	return func(name string, more ...string) *exec.Cmd {
		return program(t, home, append([]string{"start", "--json", "--interface", "lo", "--discovery-port", port, "--no-mdns", "--port", "0", "--name", name}, more...)...)
	}, home
}

func TestTwoOnOneMachineFindEachOther(t *testing.T) {
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

// A pipe into one comes out of the other: whole, in order, each line once and verified, whether the
// input ends with /quit or by itself. The room's records are held in memory, the rest is bounded.
func TestAPipeArrivesWhole(t *testing.T) {
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
