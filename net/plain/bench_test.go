package plain

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

// lineup is a Handler that hands on texts.
type lineup struct {
	recorder
	said chan string
}

func (l *lineup) Said(line event.Line) { l.said <- line.Text }

// BenchmarkSeedLine measures a message of a seed program, on a connection of its own, from its dial to
// Handler.Said. bare-ns is the time of the same without our code: dial, write, read to the end. ratio is the
// former by the latter, measured side by side.
func BenchmarkSeedLine(b *testing.B) {
	h := &lineup{said: make(chan string, 1)}
	ours := onLoopback(b, h)
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { bare.Close() })
	read := make(chan struct{})
	go func() {
		for {
			c, err := bare.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, c)
			c.Close()
			read <- struct{}{}
		}
	}()
	line := func(to net.Addr) {
		c, err := net.Dial("tcp", to.String())
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprint(c, `{"Chat":{"from_id":"`+bobID+`","from_name":"Bob","content":"a line of the usual length, about lunch","timestamp":1790000000}}`)
		c.Close()
	}
	var whole, base time.Duration
	for b.Loop() {
		begun := time.Now()
		line(ours)
		<-h.said
		middle := time.Now()
		line(bare.Addr())
		<-read
		whole, base = whole+middle.Sub(begun), base+time.Since(middle)
	}
	b.ReportMetric(float64(base.Nanoseconds())/float64(b.N), "bare-ns")
	b.ReportMetric(float64(whole)/float64(base), "ratio")
}
