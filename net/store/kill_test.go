package store

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

var kills = flag.Int("kills", 20, "processes to kill in TestKill")

// childConfig returns the configuration of a child process's store.
func childConfig(path string) Config {
	g := group.New(context.Background(), func(p *group.Panic) {
		fmt.Fprintf(os.Stderr, "%v\n%s", p, p.Stack)
		os.Exit(3)
	})
	return Config{Path: path, Room: lobby, Group: g, Log: slog.New(slog.DiscardHandler), FlushEvery: time.Millisecond}
}

// childWrite appends records to a feed of its own until it is killed, and reports on stdout which
// seq is on disk.
func childWrite() {
	n, _ := strconv.Atoi(os.Getenv("STORE_TEST_RUN"))
	d, err := Open(childConfig(os.Getenv("STORE_TEST_PATH")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := newSpeaker(1, record.Feed(n))
	for i := 0; ; i++ {
		if err := d.Append(s.say(strings.Repeat("line ", i%200), start.Add(time.Duration(i)*time.Second))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if i%7 == 0 {
			if err := d.Sync(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(s.seq)
		}
	}
}

// A process that is killed while it writes loses no record that Sync reported, and leaves a good
// file.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	runs := *kills
	if testing.Short() {
		runs = min(runs, 5)
	}
	durable := map[record.Feed]uint64{}
	total := 0
	for n := 1; n <= runs; n++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=write", "STORE_TEST_PATH="+path, "STORE_TEST_RUN="+fmt.Sprint(n))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		stop := 1 + rand.IntN(12) // after so many reports, and somewhere before the next
		for i := 0; i < stop && lines.Scan(); i++ {
			durable[record.Feed(n)] = reported(t, lines.Text())
		}
		cmd.Process.Kill()
		for lines.Scan() {
			durable[record.Feed(n)] = reported(t, lines.Text())
		}
		cmd.Wait()
		if stderr.Len() > 0 || durable[record.Feed(n)] == 0 {
			t.Fatalf("run %d: %s", n, stderr.String())
		}
		d := open(t, Config{Path: path, Room: lobby, Group: group.New(t.Context(), nil)})
		held := map[record.Feed]Feed{}
		for _, f := range d.Frontier() {
			held[f.Key.Feed] = f
		}
		for feed, next := range durable {
			if f := held[feed]; f.Next < next || f.Floor != 0 {
				t.Fatalf("run %d: feed %v is held to %d, %d was reported", n, feed, f.Next, next)
			}
		}
		if total = len(everything(t, d)); d.Status() != (Status{}) {
			t.Fatalf("run %d: %+v", n, d.Status())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, f := range held {
			want += int(f.Next)
		}
		if total != want {
			t.Fatalf("run %d: %d records to be read, the frontier says %d", n, total, want)
		}
	}
	t.Logf("%d records after %d kills", total, runs)
}

func reported(t *testing.T, line string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(line, 10, 64)
	if err != nil {
		t.Fatalf("child says %q", line)
	}
	return n
}
