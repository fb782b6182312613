package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
)

var historyRecords = flag.Int("history.records", 20_000, "records of the benchmarks of what is remembered")

// library is a store with a long past, and what goes with it.
type library struct {
	b     *testing.B
	group *group.Group
	path  string
	some  []*record.Record
}

const rare = "xyzzy" // in the very first line only

// newLibrary writes n records of ten authors.
func newLibrary(b *testing.B, n int) *library {
	b.Helper()
	l := &library{b: b, path: filepath.Join(b.TempDir(), "records.db"),
		group: group.New(context.Background(), func(p *group.Panic) { b.Errorf("%v\n%s", p, p.Stack) })}
	b.Cleanup(l.group.Close)
	s := l.open(l.path)
	const authors = 10
	var ids [authors]*identity.Identity
	var bodies [authors]record.Body
	for i := range ids {
		ids[i] = identity.FromSeed([32]byte{200, byte(i)})
		bodies[i] = record.Body{Room: lobby, Feed: 1, Kind: record.KindOpen, Data: []byte(`{"name":"author"}`)}
	}
	began := time.Now().Add(-time.Duration(n) * time.Millisecond)
	for i := range n {
		a := i % authors
		body := &bodies[a]
		body.Time = record.Time{Ms: began.UnixMilli() + int64(i)}
		if i >= authors {
			word := ""
			if i < 2*authors {
				word = rare
			}
			body.Kind, body.Data = record.KindChat, fmt.Appendf(nil, `{"text":"%s%d %s"}`, benchText, i, word)
		}
		r, err := record.Sign(ids[a], *body)
		if err != nil {
			b.Fatal(err)
		}
		body.Seq, body.Prev = body.Seq+1, r.ID()
		for {
			err := s.Append(store.Entry{Record: r, Name: "author", Arrived: time.Now()})
			if err == nil {
				break
			}
			if !errors.Is(err, store.ErrFull) || s.Sync(b.Context()) != nil {
				b.Fatal(err)
			}
		}
		if len(l.some) < 2000 {
			l.some = append(l.some, r)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return l
}

func (l *library) open(path string) store.Store {
	l.b.Helper()
	s, err := store.Open(store.Config{Path: path, Room: lobby, Group: l.group})
	if err != nil {
		l.b.Fatal(err)
	}
	return s
}

// read starts a node on a store, and has post called with what it tells. end ends both.
func (l *library) read(who byte, s store.Store, post func(event.Event), connect ...string) (n *Node, end func()) {
	l.b.Helper()
	g := l.group.Child()
	n, err := Start(g, Config{
		Identity: identity.FromSeed([32]byte{who}), Name: "reader", Room: "lobby", Listen: "127.0.0.1:0", NoDiscovery: true,
		Agent: "bench", Events: heard(g, post), Log: slog.New(slog.DiscardHandler), Store: s, Connect: connect,
	})
	if err != nil {
		l.b.Fatal(err)
	}
	return n, func() { n.Close(l.b.Context()); s.Close(); g.Close() }
}

func silent(event.Event) {}

// heap is what is alive, in bytes: the second collection empties the pools.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkLongPast starts on a room with a long past. With -history.records 1000000 it wants the first
// screen in 300 ms, and a heap-ratio, to the program with an empty room, of less than 3.
func BenchmarkLongPast(b *testing.B) {
	l := newLibrary(b, *historyRecords)
	for b.Loop() {
		_, end := l.read(1, l.open(filepath.Join(b.TempDir(), "empty.db")), silent)
		empty := heap()
		end()
		began := time.Now()
		n, end := l.read(1, l.open(l.path), silent)
		lines, err := n.History(b.Context(), event.Place{}, 100)
		first := time.Since(began)
		if err != nil || len(lines) != 100 || n.Status().Records != *historyRecords {
			b.Fatalf("%d lines, %d records, %v", len(lines), n.Status().Records, err)
		}
		full := heap()
		began = time.Now()
		found, err := n.Search(b.Context(), rare, event.Place{}, 1)
		if err != nil || len(found) != 1 {
			b.Fatalf("found %d, %v", len(found), err)
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "search-ms")
		b.ReportMetric(float64(first.Microseconds())/1000, "first-ms")
		b.ReportMetric(full/1024, "heap-KiB")
		b.ReportMetric(full/empty, "heap-ratio")
		runtime.KeepAlive(lines)
		end()
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCatchUp has a new peer fetch a long past from one other over loopback. It wants a ratio of at
// least 0.5 to what all cores could verify, by the rate of one core measured just before.
func BenchmarkCatchUp(b *testing.B) {
	l := newLibrary(b, *historyRecords)
	round := 0
	for b.Loop() {
		round++
		began := time.Now()
		for _, r := range l.some {
			claim, err := record.Parse(r.Signed(), r.Signature())
			if err == nil {
				_, err = claim.Verify()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		single := float64(len(l.some)) / time.Since(began).Seconds()
		old, endOld := l.read(1, l.open(l.path), silent)
		caughtUp := make(chan struct{}, 1)
		began = time.Now()
		_, end := l.read(2, l.open(filepath.Join(b.TempDir(), strconv.Itoa(round))), func(ev event.Event) {
			if s, ok := ev.(event.Sync); ok && s.Have == *historyRecords {
				select {
				case caughtUp <- struct{}{}:
				default: // said again
				}
			}
		}, net.JoinHostPort("127.0.0.1", strconv.Itoa(old.Self().Port)))
		<-caughtUp
		rate := float64(*historyRecords) / time.Since(began).Seconds()
		b.ReportMetric(rate, "records/s")
		b.ReportMetric(single, "verify/s")
		b.ReportMetric(rate/(single*float64(runtime.GOMAXPROCS(0))), "ratio")
		end()
		endOld()
	}
	b.ReportMetric(0, "ns/op")
}
