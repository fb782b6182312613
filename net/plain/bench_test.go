package plain

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
)

// BenchmarkSeedLine is a line of a seed program, on a connection of its own, from its dial to
// Handler.Said. bare-ns is the same without anything of ours: dial, write, read to the end. ratio is the
// one by the other, measured side by side.
func BenchmarkSeedLine(b *testing.B) {
	g := group.New(b.Context(), nil)
	defer g.Close()
	h := &lineup{said: make(chan string, 1)}
	p := New(g, Config{
		Identity: identity.FromSeed([32]byte{7}), Handler: h, Log: slog.New(slog.DiscardHandler),
		Self: func() Self { return Self{ID: selfID, Name: "Alice", Port: 8080} },
		Dial: (&net.Dialer{}).DialContext,
	})
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Close() })
		return l
	}
	ours, bare := listen(), listen()
	accept(g, p, Order(ours), func(net.Conn) {})
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
	line := func(l net.Listener) {
		c, err := net.Dial("tcp", l.Addr().String())
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
		line(bare)
		<-read
		whole, base = whole+middle.Sub(begun), base+time.Since(middle)
	}
	b.ReportMetric(float64(base.Nanoseconds())/float64(b.N), "bare-ns")
	b.ReportMetric(float64(whole)/float64(base), "ratio")
}
