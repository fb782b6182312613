package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
)

var (
	yearFeeds = flag.Int("year.feeds", 0, "feeds of TestYearOfSends; a message from cron each minute makes 525600 a year")
	yearDir   = flag.String("year.dir", "", "folder that keeps the holder's profile of TestYearOfSends for the next time")
)

// Bounds of TestYearOfSends.
const (
	firstScreen   = 100 // messages
	firstScreenIn = 2 * time.Second
	nothingNewFor = 30 * time.Second // then the newcomer has all that its room has place for
	leastOfAYear  = 20_000           // messages that fit beside the ends of all feeds

	// The holder only heard of the cron job's key, too: it deletes most of the year meanwhile.
	maxYearMemoryHolder   = 128 << 20
	maxYearMemoryNewcomer = 64 << 20
)

// A person whose cron job sends a message each minute for a year leaves half a million feeds. A newcomer sees the first
// screen of messages soon, and neither side needs much memory, then or until the newcomer has all that its room has place for: the
// cron job's key is only heard of there, so that is a quarter of the room.
func TestYearOfSends(t *testing.T) {
	if *yearFeeds == 0 {
		t.Skip("-year.feeds says how many; it takes minutes")
	}
	home := *yearDir
	if home == "" {
		home = t.TempDir()
	}
	path := filepath.Join(home, "p2pchat", "holder", "records.db")
	if _, err := os.Stat(path); err != nil {
		sendOneLine(t, home, "holder")
		writeYear(t, path, *yearFeeds)
	}
	began := time.Now()
	holder := watch(t, program(t, home, alone("--name", "holder", "--share-history", "all", "--no-mdns")...))
	ready := holder.await(t, "ready", 1)
	t.Logf("the holder is ready after %v, with %d MiB", time.Since(began), holder.memory(t)>>20)
	port := ready.Port
	began = time.Now()
	newcomer := watch(t, program(t, t.TempDir(), alone("--name", "newcomer", "--no-mdns", "--connect", fmt.Sprint("127.0.0.1:", port))...))
	newcomer.await(t, "peer", 1)
	linked := time.Now()
	newcomer.await(t, "message", firstScreen)
	took := time.Since(linked)
	t.Logf("the newcomer is linked after %v and has %d messages %v later", linked.Sub(began), firstScreen, took)
	if took > firstScreenIn+slack {
		t.Errorf("the first screen took %v", took)
	}
	most := [2]int{}
	for last, since := int64(0), time.Now(); last < int64(*yearFeeds) && time.Since(since) < nothingNewFor; time.Sleep(time.Second) {
		if n := newcomer.messages.Load(); n > last {
			last, since = n, time.Now()
		}
		for i, p := range []*watched{holder, newcomer} {
			most[i] = max(most[i], p.memory(t))
		}
	}
	if n := newcomer.messages.Load(); n < min(int64(*yearFeeds), leastOfAYear) {
		t.Errorf("only %d messages came", n)
	}
	t.Logf("%d messages are there after %v; at most %d MiB at the holder, %d MiB at the newcomer", newcomer.messages.Load(), time.Since(linked), most[0]>>20, most[1]>>20)
	if most[0] > maxYearMemoryHolder || most[1] > maxYearMemoryNewcomer {
		t.Error("that is too much memory")
	}
}

// writeYear adds so many feeds to a store, one a minute until now, each with its first record and a message.
func writeYear(t *testing.T, path string, feeds int) {
	t.Helper()
	room := record.OpenRoom("lobby")
	g := group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	defer g.Close()
	s, err := store.Open(store.Config{Path: path, Room: room, Group: g})
	if err != nil {
		t.Fatal(err)
	}
	cron := identity.FromSeed([32]byte{77})
	began := time.Now().Add(-time.Duration(feeds) * time.Minute)
	for i := range feeds {
		at := began.Add(time.Duration(i) * time.Minute)
		body := record.Body{Room: room, Feed: record.Feed(at.UnixMilli()<<16 | int64(i&0xffff)), Kind: record.KindOpen,
			Time: record.Time{Ms: at.UnixMilli()}, Data: record.NamingData("cron")}
		for seq := range uint64(2) {
			body.Seq, body.Time.N = seq, int64(seq)
			rec, err := record.Sign(cron, body)
			if err != nil {
				t.Fatal(err)
			}
			for {
				err := s.Append(store.Entry{Record: rec, Name: "cron", Arrived: at, Live: true})
				if err == nil {
					break
				}
				if !errors.Is(err, store.ErrFull) || s.Sync(t.Context()) != nil {
					t.Fatal(err)
				}
			}
			body.Prev, body.Kind, body.Data = rec.ID(), record.KindChat, record.TextData(fmt.Sprint("backup done, number ", i))
		}
	}
	if err := errors.Join(s.Sync(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// watched is a program whose events are counted, not kept.
type watched struct {
	cmd      *exec.Cmd
	events   chan watchedEvent // the first ones of each kind
	messages atomic.Int64
}

type watchedEvent struct {
	Event string
	Port  int
}

func watch(t *testing.T, cmd *exec.Cmd) *watched {
	t.Helper()
	stdin, stdout := piped(t, cmd, io.Discard)
	w := &watched{cmd: cmd, events: make(chan watchedEvent, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var e watchedEvent
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				continue
			}
			if e.Event == "message" && w.messages.Add(1) > firstScreen {
				continue
			}
			select {
			case w.events <- e:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	return w
}

// await waits for so many events of a kind, and returns the last one.
func (w *watched) await(t *testing.T, kind string, n int) (e watchedEvent) {
	t.Helper()
	for timeout := time.After(5 * patience); n > 0; {
		select {
		case e = <-w.events:
			if e.Event == kind {
				n--
			}
		case <-timeout:
			t.Fatalf("no %s", kind)
		}
	}
	return e
}

// memory returns the bytes of anonymous memory that a program has resident.
func (w *watched) memory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no RssAnon")
	return 0
}
