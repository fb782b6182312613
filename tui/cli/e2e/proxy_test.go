package e2e

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy passes TCP connections on to a peer, and keeps or delays what passes.
type proxy struct {
	t        *testing.T
	listener net.Listener
	to       string
	open     sync.WaitGroup
	stop     chan struct{}

	mu   sync.Mutex
	kept bytes.Buffer  // both directions
	slow chan struct{} // nil: at full speed; else a byte a second until it is closed
}

// newProxy listens for connections to the peer at to.
func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, to: to, stop: make(chan struct{})}
	p.open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", p.to)
			if err != nil {
				in.Close()
				continue
			}
			p.open.Go(func() { p.pass(in, out, false) })
			p.open.Go(func() { p.pass(out, in, true) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(p.stop)
		p.open.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// throttle slows down what comes from the peer, until the returned function is called.
func (p *proxy) throttle() (lift func()) {
	slow := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = slow
	return func() { close(slow) }
}

// pass copies one direction.
func (p *proxy) pass(from, to net.Conn, slows bool) {
	defer to.Close()
	p.open.Go(func() {
		<-p.stop
		from.Close()
	})
	buf := make([]byte, 4<<10)
	for {
		p.mu.Lock()
		slow := p.slow
		p.mu.Unlock()
		if !slows || slow == nil {
			slow = closed
		}
		most := len(buf)
		select {
		case <-slow:
		case <-p.stop:
			return
		default:
			most = 1
		}
		n, err := from.Read(buf[:most])
		p.mu.Lock()
		p.kept.Write(buf[:n])
		p.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
		if most == 1 {
			select {
			case <-slow:
			case <-time.After(time.Second):
			case <-p.stop:
				return
			}
		}
	}
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// tape is all that has passed.
func (p *proxy) tape() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.kept.Bytes())
}
