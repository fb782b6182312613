package link

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// The baseline sends the same messages over bare TLS, with a write per message and a goroutine per side.
// The sender signs them and the receiver verifies them.

const benchText = "the quick brown fox jumps over the lazy dog, line "

// rates is what one run of a way of sending has shown.
type rates struct {
	perSecond float64
	p50       time.Duration
}

// way is how one line is signed and sent.
type way func(text string)

// newBare sets up the baseline: a body of JSON, signed, in a frame of JSON. It calls receive for each
// line that has verified.
func newBare(b *testing.B, receive func()) way {
	x, y := newSide(b, 1), newSide(b, 2)
	cx, cy := tcpPair(b)
	client := tls.Client(cx, rawTLS(&x.Certificate, nil))
	server := tls.Server(cy, rawTLS(&y.Certificate, nil))
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	type line struct {
		Text string `json:"text"`
		Time int64  `json:"time"`
	}
	type frame struct {
		Body []byte `json:"body"`
		Sig  []byte `json:"sig"`
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		frames := wire.NewReader(server)
		for {
			payload, err := frames.Next()
			if err != nil {
				return
			}
			var f frame
			var l line
			if json.Unmarshal(payload, &f) != nil || !ed25519.Verify(public, f.Body, f.Sig) || json.Unmarshal(f.Body, &l) != nil {
				b.Error("bad line")
				return
			}
			receive()
		}
	})
	if err := client.Handshake(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close(); reader.Wait(); server.Close() })
	return func(text string) {
		body, err := json.Marshal(line{text, time.Now().UnixMilli()})
		if err != nil {
			b.Fatal(err)
		}
		payload, err := json.Marshal(frame{body, ed25519.Sign(private, body)})
		if err != nil {
			b.Fatal(err)
		}
		out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(payload)), uint32(len(payload)))
		if _, err := client.Write(append(out, payload...)); err != nil {
			b.Fatal(err)
		}
	}
}

// newLinked sends records over two Links.
func newLinked(b *testing.B, receive func()) way {
	x, y := newSide(b, 1), newSide(b, 2)
	cx, cy := tcpPair(b)
	lx, ly := pair(b, x, y, cx, cy)
	hx, hy := newRecorder(b), newRecorder(b)
	hy.onRecord = func(*record.Record) { receive() }
	lx.Start(hx, nil)
	ly.Start(hy, nil)
	b.Cleanup(func() { lx.Bye(wire.ByeLeaving); <-hx.down; <-hy.down })
	au := newAuthor(b, newSide(b, 3).id)
	return func(text string) {
		f := encode(b, onWire(au.say(b, text)))
		for !lx.Live(f) {
			if err := lx.WaitLive(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// measure sends n messages as fast as possible, and then 500 singly.
func measure(b *testing.B, n int64, open func(*testing.B, func()) way) rates {
	got := make(chan struct{}, 1)
	var count atomic.Int64 // still to come
	send := open(b, func() {
		if count.Add(-1) == 0 {
			got <- struct{}{}
		}
	})
	count.Store(n)
	begin := time.Now()
	for i := range n {
		send(benchText + strconv.FormatInt(i, 10))
	}
	<-got
	r := rates{perSecond: float64(n) / time.Since(begin).Seconds()}

	took := make([]time.Duration, 500)
	for i := range took {
		count.Store(1)
		begin := time.Now()
		send(benchText + strconv.Itoa(i))
		<-got
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	r.p50 = took[len(took)/2]
	return r
}

// BenchmarkOneToOne compares Links with the baseline, in turns. The targets of the whole program are
// ≥ 0.8 of the baseline's lines a second and ≤ 1.5 of its one-way p50.
func BenchmarkOneToOne(b *testing.B) {
	var base, ours []rates
	for b.Loop() {
		base = append(base, measure(b, 10_000, newBare))
		ours = append(ours, measure(b, 10_000, newLinked))
	}
	median := func(rs []rates) rates {
		slices.SortFunc(rs, func(x, y rates) int { return int(x.perSecond - y.perSecond) })
		m := rates{perSecond: rs[len(rs)/2].perSecond}
		slices.SortFunc(rs, func(x, y rates) int { return int(x.p50 - y.p50) })
		m.p50 = rs[len(rs)/2].p50
		return m
	}
	x, y := median(base), median(ours)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(x.perSecond, "bare-lines/s")
	b.ReportMetric(y.perSecond, "lines/s")
	b.ReportMetric(y.perSecond/x.perSecond, "rate-ratio")
	b.ReportMetric(float64(x.p50.Microseconds()), "bare-p50-µs")
	b.ReportMetric(float64(y.p50.Microseconds()), "p50-µs")
	b.ReportMetric(float64(y.p50)/float64(x.p50), "p50-ratio")
}
