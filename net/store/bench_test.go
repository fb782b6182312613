package store

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

var benchRecords = flag.Int("records", 100_000, "records in the file that benchmarks read")

// benchFile makes a file of -records records by 10 authors, once for all benchmarks of a run.
func benchFile(b *testing.B) (Config, []*speaker) {
	b.Helper()
	g := group.New(context.Background(), nil)
	b.Cleanup(g.Close)
	cfg := Config{Path: filepath.Join(b.TempDir(), "records.db"), Room: lobby, Group: g}
	d, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	var speakers []*speaker
	for i := range 10 {
		speakers = append(speakers, newSpeaker(byte(i+1), 1))
	}
	for i := range *benchRecords {
		text := fmt.Sprintf("line %d of the usual length, \"quoted\" once, about what to have for lunch", i)
		if i == *benchRecords/2 {
			text += " and a needle"
		}
		e := speakers[i*7%10].say(text, start.Add(time.Duration(i)*time.Second))
		if err := d.WaitForSpace(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := d.Append(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
	return cfg, speakers
}

func heapNow() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkFile reads a large file: the first page after opening it, a page in the middle, a range for
// a peer, two searches, and the whole. One search has a hit, the other none. heap-ratio compares the
// Go heap with the file open to the heap with an empty file open.
func BenchmarkFile(b *testing.B) {
	cfg, speakers := benchFile(b)
	reopen := func(b *testing.B, cfg Config) *Disk {
		d, err := Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		return d
	}
	b.Run("first-page", func(b *testing.B) {
		for b.Loop() {
			d := reopen(b, cfg)
			page, err := d.ReadBefore(b.Context(), OrderKey{}, 200)
			if err != nil || len(page) != 200 {
				b.Fatal(len(page), err)
			}
			d.Close()
		}
	})
	b.Run("heap", func(b *testing.B) {
		empty := cfg
		empty.Path = filepath.Join(b.TempDir(), "empty.db")
		d := reopen(b, empty)
		few := heapNow()
		d.Close()
		many := 0.0
		for b.Loop() {
			d := reopen(b, cfg)
			many = heapNow()
			d.Close()
		}
		b.ReportMetric(many/few, "heap-ratio")
	})
	d := reopen(b, cfg)
	defer d.Close()
	middle := OrderKey{}
	middle.Time.Ms = start.Add(time.Duration(*benchRecords/3) * time.Second).UnixMilli()
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			if page, err := d.ReadBefore(b.Context(), middle, 100); err != nil || len(page) != 100 {
				b.Fatal(len(page), err)
			}
		}
	})
	b.Run("range", func(b *testing.B) {
		n := 0
		for b.Loop() {
			raws, err := d.ReadRange(b.Context(), speakers[3].key(), uint64(*benchRecords/20), 1<<50, 48<<10)
			if err != nil || len(raws) == 0 {
				b.Fatal(len(raws), err)
			}
			n += len(raws)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
	})
	for name, text := range map[string]string{"once": "A Needle", "absent": "haystack", "unicode": "größe"} {
		b.Run("search-"+name, func(b *testing.B) {
			for b.Loop() {
				hits := 0
				for _, err := range d.Search(b.Context(), text, OrderKey{}) {
					if err != nil {
						b.Fatal(err)
					}
					hits++
				}
				if (hits == 1) != (name == "once") {
					b.Fatal(hits)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N**benchRecords), "ns/record")
		})
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range d.ReadAll(b.Context(), time.Time{}) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != *benchRecords {
				b.Fatal(n)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N**benchRecords), "ns/record")
	})
	b.Run("floors", func(b *testing.B) {
		since := start.Add(time.Duration(*benchRecords)*time.Second - 12*time.Hour)
		var keys []record.FeedKey
		for _, f := range d.Frontier() {
			keys = append(keys, f.Key)
		}
		for b.Loop() {
			if f, err := d.ShareFrom(b.Context(), since, keys); err != nil || len(f) != 10 {
				b.Fatal(len(f), err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := checkFile(cfg.Path); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAppend writes records in groups as fast as the disk takes them. queue-ns is the time
// that Append takes. The baseline is a file write of the same bytes with one fsync a group.
func BenchmarkAppend(b *testing.B) {
	var entries []Entry
	s := newSpeaker(1, 1)
	for i := range 20_000 {
		entries = append(entries, s.say(fmt.Sprintf("line %d of the usual length, about what to have for lunch", i), start.Add(time.Duration(i)*time.Second)))
	}
	b.ResetTimer()
	var queued time.Duration
	for b.Loop() {
		g := group.New(context.Background(), nil)
		d, err := Open(Config{Path: filepath.Join(b.TempDir(), "records.db"), Room: lobby, Group: g})
		if err != nil {
			b.Fatal(err)
		}
		from := time.Now()
		for _, e := range entries {
			if err := d.Append(e); err != nil {
				b.Fatal(err)
			}
		}
		queued += time.Since(from)
		if err := d.Sync(b.Context()); err != nil {
			b.Fatal(err)
		}
		d.Close()
		g.Close()
	}
	n := float64(b.N * len(entries))
	b.ReportMetric(float64(queued.Nanoseconds())/n, "queue-ns/record")
	b.ReportMetric(n/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkSync saves a ballot: Put, and Sync.
func BenchmarkSync(b *testing.B) {
	g := group.New(context.Background(), nil)
	defer g.Close()
	d, err := Open(Config{Path: filepath.Join(b.TempDir(), "records.db"), Room: lobby, Group: g})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	ballot := bytes.Repeat([]byte("x"), 400)
	for i := 0; b.Loop(); i++ {
		if err := d.Put("ballots", fmt.Append(nil, i), ballot); err != nil {
			b.Fatal(err)
		}
		if err := d.Sync(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
