package messages

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/theme"
)

// The limits are those of the issue on the screen: a batch of 10,000 lines under 20 ms, a View of
// 200×50 over 100,000 lines under 0.2 ms, an append and a resize under 0.1 ms. Each benchmark also
// reports its share of the limit, which must stay below 1.
const (
	batchLimit  = 20 * time.Millisecond
	viewLimit   = 200 * time.Microsecond
	changeLimit = 100 * time.Microsecond
)

func share(b *testing.B, limit time.Duration) {
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(limit), "of-limit")
}

// conversation is n lines of five people, of 20 to 220 characters.
func (f *fixture) conversation(n int) []event.Line {
	words := strings.Repeat("the quick brown fox jumps over a lazy dog while it rains ", 5)
	lines := make([]event.Line, n)
	for i := range lines {
		f.pass(10 * time.Millisecond)
		lines[i] = f.line([]string{"alice", "bob", "charlie", "dana", "eve"}[i*7/3%5], fmt.Sprint(i, " ", words[:20+i*37%200]))
	}
	return lines
}

func full() *fixture {
	f := newFixture(200, 50, theme.Look{Profile: termenv.ANSI256})
	f.Add(f.conversation(maxLines))
	f.Rows()
	return f
}

func BenchmarkBatch10000(b *testing.B) {
	f := full()
	for b.Loop() {
		b.StopTimer()
		lines := f.conversation(10_000)
		b.StartTimer()
		f.Add(lines)
		f.Rows()
	}
	share(b, batchLimit)
}

// The history of a newcomer goes to its place among 100,000 lines.
func BenchmarkEarlier10000(b *testing.B) {
	f := full()
	for b.Loop() {
		b.StopTimer()
		lines := f.conversation(10_000)
		for i := range lines {
			lines[i].History = true
			lines[i].Place.Ms -= 500_000
		}
		b.StartTimer()
		f.Add(lines)
		f.Rows()
	}
	share(b, batchLimit)
}

func BenchmarkView(b *testing.B) {
	f := full()
	for name, prepare := range map[string]func(int){
		"row":  func(i int) { f.ScrollLines(-1) },
		"page": func(i int) { f.ScrollPages(-1) }, // 49 rows that were never drawn
		"end":  func(i int) { f.view.stale = true },
	} {
		b.Run(name, func(b *testing.B) {
			f.End()
			i := 0
			for b.Loop() {
				prepare(i)
				f.Rows()
				if i++; i%1000 == 0 {
					f.End()
				}
			}
			share(b, viewLimit)
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	f := full()
	for _, up := range []bool{false, true} {
		name := "end"
		if up {
			name = "scrolled up"
		}
		b.Run(name, func(b *testing.B) {
			lines := f.conversation(b.N + 1)
			if up {
				f.ScrollPages(-20)
			}
			b.ResetTimer()
			for i := range b.N {
				f.Add(lines[i : i+1])
				f.Rows()
			}
			share(b, changeLimit)
		})
	}
}

// A resize wraps everything visible anew.
func BenchmarkResize(b *testing.B) {
	f := full()
	f.ScrollPages(-20)
	i := 0
	for b.Loop() {
		f.SetSize(150+i%50, 50)
		f.Rows()
		i++
	}
	share(b, changeLimit)
}

// BenchmarkSearch is a text that nobody said, over everything.
func BenchmarkSearch(b *testing.B) {
	f := full()
	for b.Loop() {
		if f.Find("xylophone") != 0 {
			b.Fatal("found")
		}
	}
}

// BenchmarkMemory reports what a line costs beside its text, body and signature.
func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	for b.Loop() {
		f := newFixture(200, 50, theme.Look{})
		lines := f.conversation(maxLines)
		runtime.GC()
		runtime.ReadMemStats(&before)
		f.Add(lines)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(lines)
		runtime.KeepAlive(f)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/maxLines, "B/line")
}
