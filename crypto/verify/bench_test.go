package verify

import (
	"context"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/net/group"
)

// BenchmarkThroughput verifies a link's messages, one at a time and in frames of 64, and those of
// as many links at once as there are cores. x-bare compares with a bare loop of Verify on all cores
// in the same run.
func BenchmarkThroughput(b *testing.B) {
	claims := lines(b, 256, nil)
	b.RunParallel(func(pb *testing.PB) { // warm up
		for i := 0; pb.Next(); i++ {
			claims[i%len(claims)].Verify()
		}
	})
	var bare float64 // s per claim
	b.Run("bare", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, err := claims[i%len(claims)].Verify(); err != nil {
					b.Error(err)
				}
			}
		})
		bare = b.Elapsed().Seconds() / float64(b.N)
	})
	run := func(name string, links, batch int) {
		b.Run(name, func(b *testing.B) {
			g := group.New(context.Background(), nil)
			defer g.Close()
			p := Start(g, 0)
			var readers sync.WaitGroup
			for range links {
				readers.Go(func() {
					l := openLink(g, p, func(*Result) {})
					defer l.Close()
					for i := 0; i < b.N/links; i += batch {
						item := Job{Claim: claims[i%len(claims)], More: true}
						if batch > 1 {
							item = Job{Claims: claims[:batch], More: true}
						}
						if err := l.submit(g.Context(), item); err != nil {
							b.Error(err)
						}
					}
					l.drain()
				})
			}
			readers.Wait()
			b.ReportMetric(bare/(b.Elapsed().Seconds()/float64(b.N)), "x-bare")
		})
	}
	run("1link", 1, 1)
	run("1link-frames-of-64", 1, 64)
	run("8links", 8, 1)
}

// BenchmarkInline: a lone line, against Verify called directly: what the queue adds to its latency.
func BenchmarkInline(b *testing.B) {
	claim := lines(b, 1, nil)[0]
	g := group.New(context.Background(), nil)
	defer g.Close()
	l := Start(g, 0).OpenQueue()
	defer l.Close()
	var direct, queue time.Duration
	for b.Loop() {
		begun := time.Now()
		claim.Verify()
		direct += time.Since(begun)
		begun = time.Now()
		l.Submit(g.Context(), Job{Claim: claim})
		queue += time.Since(begun)
	}
	b.ReportMetric(float64(direct.Nanoseconds())/float64(b.N), "direct-ns")
	b.ReportMetric(float64((queue-direct).Nanoseconds())/float64(b.N), "lane-adds-ns")
}
