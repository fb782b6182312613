package messages

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/theme"
)

// The limits: a batch of 10,000 messages under 20 ms, a view of 200×50 over 100,000 messages under
// 0.2 ms, an append and a resize under 0.1 ms.
const (
	batchLimit  = 20 * time.Millisecond
	viewLimit   = 200 * time.Microsecond
	changeLimit = 100 * time.Microsecond
)

// laps holds the times of single rounds. On a busy machine the mean shows the load; the median and the
// best round say more about the code.
type laps []time.Duration

func (l *laps) time(round func()) {
	start := time.Now()
	round()
	*l = append(*l, time.Since(start))
}

// report gives the median and the best round as shares of the limit; they must stay below 1.
func (l laps) report(b *testing.B, limit time.Duration) {
	slices.Sort(l)
	b.ReportMetric(float64(l[len(l)/2])/float64(limit), "median/limit")
	b.ReportMetric(float64(l[0])/float64(limit), "best/limit")
}

// conversation returns n messages of five people, of 20 to 220 characters.
func (f *fixture) conversation(n int) []event.Line {
	words := strings.Repeat("the quick brown fox jumps over a lazy dog while it rains ", 5)
	lines := make([]event.Line, n)
	for i := range lines {
		f.pass(10 * time.Millisecond)
		lines[i] = f.line([]string{"alice", "bob", "charlie", "dana", "eve"}[i*7/3%5], fmt.Sprint(i, " ", words[:20+i*37%200]))
	}
	return lines
}

// full returns a pane of 200×50 with 100,000 messages.
func full() *fixture {
	f := newFixture(200, 50, theme.Look{Profile: termenv.ANSI256})
	f.Add(f.conversation(maxMessages))
	f.Rows()
	return f
}

func BenchmarkBatch10000(b *testing.B) {
	f := full()
	var l laps
	for b.Loop() {
		b.StopTimer()
		lines := f.conversation(10_000)
		b.StartTimer()
		l.time(func() { f.Add(lines); f.Rows() })
	}
	l.report(b, batchLimit)
}

// History goes to its place among 100,000 messages.
func BenchmarkEarlier10000(b *testing.B) {
	f := full()
	var l laps
	for b.Loop() {
		b.StopTimer()
		lines := f.conversation(10_000)
		for i := range lines {
			lines[i].History = true
			lines[i].Place.Ms -= 500_000
		}
		b.StartTimer()
		l.time(func() { f.Add(lines); f.Rows() })
	}
	l.report(b, batchLimit)
}

func BenchmarkView(b *testing.B) {
	f := full()
	for _, c := range []struct {
		name    string
		prepare func()
	}{
		{"composed again", func() { f.viewport.stale = true }},
		{"a row up", func() { f.ScrollLines(-1) }},
		{"a page up", func() { f.ScrollPages(-1) }}, // 48 rows that were never drawn
		{"another theme", func() { f.SetTheme(f.cfg.Theme) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			f.ScrollToEnd()
			f.Rows()
			var l laps
			for b.Loop() {
				if len(l)%1000 == 999 {
					f.ScrollToEnd()
				}
				l.time(func() { c.prepare(); f.Rows() })
			}
			l.report(b, viewLimit)
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	f := full()
	for _, up := range []int{0, 20} {
		b.Run(fmt.Sprint(up, " pages up"), func(b *testing.B) {
			f.ScrollPages(-up)
			var l laps
			for b.Loop() {
				b.StopTimer()
				lines := f.conversation(1)
				b.StartTimer()
				l.time(func() { f.Add(lines); f.Rows() })
			}
			l.report(b, changeLimit)
		})
	}
}

// A resize wraps everything visible anew.
func BenchmarkResize(b *testing.B) {
	f := full()
	f.ScrollPages(-20)
	var l laps
	for b.Loop() {
		l.time(func() { f.SetSize(150+len(l)%50, 50); f.Rows() })
	}
	l.report(b, changeLimit)
}

// BenchmarkSearch looks for a text that no message has.
func BenchmarkSearch(b *testing.B) {
	f := full()
	for b.Loop() {
		if f.Search("xylophone") != 0 {
			b.Fatal("found")
		}
	}
}

// BenchmarkMemory reports the cost of a message beside its text, body and signature.
func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	for b.Loop() {
		f := newFixture(200, 50, theme.Look{})
		lines := f.conversation(maxMessages)
		runtime.GC()
		runtime.ReadMemStats(&before)
		f.Add(lines)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(lines)
		runtime.KeepAlive(f)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/maxMessages, "B/line")
}
