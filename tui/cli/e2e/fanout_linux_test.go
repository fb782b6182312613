package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	fanOutBefore = flag.String("fanout.before", "", "the file of an earlier build, which TestFanOut compares with; empty skips it")
	fanOutRounds = flag.Int("fanout.rounds", 10, "times that TestFanOut starts each build")
	fanOutPeers  = flag.Int("fanout.programs", 50, "programs that TestFanOut starts beside the one that sends")
	fanOutLines  = flag.Int("fanout.lines", 600, "lines of one burst of TestFanOut")
)

// bursts is how often TestFanOut sends its lines in a room. The first burst makes the memory of the programs grow.
const bursts = 5

// A room of 51 programs takes lines as fast as one of an earlier build does. It needs the machine for itself:
// unshare -n sh -c 'ip link set lo up; go test ./tui/cli/e2e -run TestFanOut -fanout.before FILE -timeout 0 -v'
func TestFanOut(t *testing.T) {
	if *fanOutBefore == "" {
		t.Skip("needs the machine for itself, and -fanout.before")
	}
	var before, now [][]time.Duration
	for i := range *fanOutRounds {
		before = append(before, timeFanOut(t, fmt.Sprint("before", i), *fanOutBefore))
		now = append(now, timeFanOut(t, fmt.Sprint("now", i), ""))
	}
	first := func(took []time.Duration) []time.Duration { return took[:1] }
	later := func(took []time.Duration) []time.Duration { return took[1:] }
	for what, part := range map[string]func([]time.Duration) []time.Duration{"first burst": first, "later bursts": later} {
		b, n := medianOf(before, part), medianOf(now, part)
		ratio := float64(b) / float64(n)
		t.Logf("%d lines to %d programs, %s: %v, before %v: %.2f of before", *fanOutLines, *fanOutPeers, what, n, b, ratio)
		if ratio < 0.95 {
			t.Errorf("%s: slower than before", what)
		}
	}
}

// medianOf returns the median of a part of all rounds.
func medianOf(rounds [][]time.Duration, part func([]time.Duration) []time.Duration) time.Duration {
	var all []time.Duration
	for _, r := range rounds {
		all = append(all, part(r)...)
	}
	slices.Sort(all)
	return all[len(all)/2].Round(time.Millisecond)
}

// timeFanOut returns how long each burst takes until all programs have all lines of one of them.
func timeFanOut(t *testing.T, name, build string) (took []time.Duration) {
	t.Run(name, func(t *testing.T) {
		cmd := neighbours(t)
		r := &room{t: t, start: func(name string) *peer {
			c := cmd(name)
			if build != "" {
				c = exec.CommandContext(t.Context(), build, c.Args[1:]...)
				c.Env = cmd(name).Env
			}
			return launch(t, c)
		}}
		for i := range *fanOutPeers + 1 {
			r.peers = append(r.peers, r.start(fmt.Sprint("p", i)))
		}
		for _, p := range r.peers {
			p.awaitReady()
		}
		r.whole()
		pause(calm)
		for i := range bursts {
			used, began := processorTime(t, r.peers), time.Now()
			last := fmt.Sprint("the last line of burst ", i)
			r.peers[0].says(strings.Repeat("a line of a usual length, as people say it\n", *fanOutLines-1) + last)
			for _, p := range r.peers[1:] {
				p.hears(r.peers[0], last)
			}
			took = append(took, time.Since(began))
			t.Logf("burst %d: %v, %v of processor", i, took[i].Round(time.Millisecond), processorTime(t, r.peers)-used)
			pause(2 * time.Second)
		}
		for _, p := range r.peers[1:] {
			n := 0
			for _, h := range p.all() {
				if h.Event == "message" && h.FromID == r.peers[0].ready.ID {
					n++
				}
			}
			if n != bursts**fanOutLines {
				t.Errorf("%s has %d lines", p.ready.Name, n)
			}
		}
	})
	return took
}

// processorTime returns how much processor time the programs have used.
func processorTime(t *testing.T, peers []*peer) time.Duration {
	t.Helper()
	ticks := 0
	for _, p := range peers {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), ") ") // behind the name: proc_pid_stat(5)
		for _, field := range strings.Fields(rest)[11:13] {
			n, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100
}
