package e2e

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	largeRoom  = flag.Int("room.programs", 0, "programs of TestLargeRoom and of TestStartAtOnce; 0 skips both")
	roomStarts = flag.Int("room.starts", 50, "times that TestPairsLink starts twelve programs, if room.programs is set")
)

// These tests measure programs, and count what goes over the loopback device. So run them where nothing else does:
// unshare -n sh -c 'ip link set lo up; go test ./tui/cli/e2e -run "TestLargeRoom|TestStartAtOnce|TestPairsLink" -room.programs 36 -v'

// room is programs that find only each other.
type room struct {
	t     *testing.T
	peers []*peer
	began time.Time
	start func(name string) *peer
}

// startRoom starts programs at once and waits until all are ready.
func startRoom(t *testing.T, programs int) *room {
	t.Helper()
	if *largeRoom == 0 {
		t.Skip("needs the machine for itself, and -room.programs")
	}
	cmd := neighbours(t)
	r := &room{t: t, began: time.Now(), start: func(name string) *peer { return launch(t, cmd(name)) }}
	for i := range programs {
		r.peers = append(r.peers, r.start(fmt.Sprint("p", i)))
	}
	for _, p := range r.peers {
		p.awaitReady()
	}
	return r
}

// whole waits until each program has linked to each other, and returns when the last one had.
func (r *room) whole() (last time.Time) {
	r.t.Helper()
	for _, p := range r.peers {
		for _, q := range r.peers {
			if p != q {
				if at := p.sees("up", q).at; at.After(last) {
					last = at
				}
			}
		}
	}
	return last
}

// loopback returns how many bytes the loopback device has carried.
func loopback(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "lo:")
	n := 0
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// calm is when the bursts of discovery have ended, and what a start leaves in memory is gone.
const calm = 30 * time.Second

// resident returns how much memory a program of the room has, on average.
func (r *room) resident() int {
	sum := 0
	for _, p := range r.peers {
		sum += bytesOf(r.t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "RssAnon")
	}
	return sum / len(r.peers)
}

// The traffic and the memory of a large room: its start, while nothing happens, and when one more comes.
func TestLargeRoom(t *testing.T) {
	// What a program holds beside its links, among it the room that the garbage collector leaves, isn't counted.
	const few = 12
	small := 0
	t.Run("small", func(t *testing.T) {
		r := startRoom(t, few)
		r.whole()
		pause(calm)
		small = r.resident()
	})
	before := loopback(t)
	r := startRoom(t, *largeRoom)
	t.Logf("whole after %v", r.whole().Sub(r.began).Round(time.Millisecond))
	pause(5 * time.Second)
	check := func(what string, got, most int) {
		t.Helper()
		t.Logf("%s: %d", what, got)
		if got > most {
			t.Errorf("%s: %d, want at most %d", what, got, most)
		}
	}
	check("bytes of a start", loopback(t)-before, 10e6)
	const idle = 30
	pause(calm)
	before = loopback(t)
	pause(idle * time.Second)
	perSecond := (loopback(t) - before) / idle
	check("bytes a second while nothing happens", perSecond, 85e3)
	check("bytes of memory for a link", (r.resident()-small)/(*largeRoom-few), 120<<10)

	before = loopback(t)
	began := time.Now()
	r.peers = append(r.peers, r.start("last"))
	r.peers[*largeRoom].awaitReady()
	last := r.peers[*largeRoom]
	for _, p := range r.peers[:*largeRoom] {
		p.sees("up", last)
		last.sees("up", p)
	}
	t.Logf("one more linked after %v", time.Since(began).Round(time.Millisecond))
	pause(time.Until(began.Add(10 * time.Second)))
	check("bytes of a join", loopback(t)-before-10*perSecond, 1e6)
}

// Programs that are started at once are all linked within twice the time of bare processes.
func TestStartAtOnce(t *testing.T) {
	r := startRoom(t, *largeRoom)
	ours := r.whole().Sub(r.began)
	for _, p := range r.peers {
		_ = p.cmd.Process.Kill()
		p.end()
	}
	bare := timeBareMesh(t, *largeRoom)
	t.Logf("%d programs whole after %v, bare processes after %v", *largeRoom, ours.Round(time.Millisecond), bare.Round(time.Millisecond))
	if ours > 2*bare {
		t.Errorf("%.1f times as long, want at most 2", float64(ours)/float64(bare))
	}
}

// Every pair of twelve programs is linked within 3 s, however often they are started.
func TestPairsLink(t *testing.T) {
	for i := range *roomStarts {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r := startRoom(t, 12)
			ready := r.began
			for _, p := range r.peers {
				if p.ready.at.After(ready) {
					ready = p.ready.at
				}
			}
			if took := r.whole().Sub(ready); took > 3*time.Second {
				t.Errorf("linked %v after the last was ready", took)
			}
		})
	}
}
