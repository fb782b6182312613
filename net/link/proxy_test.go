package link

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// tape is a connection whose bytes are kept, both ways.
type tape struct {
	net.Conn
	mu   sync.Mutex
	kept bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.keep(p[:n])
	return n, err
}

func (c *tape) Write(p []byte) (int, error) {
	c.keep(p)
	return c.Conn.Write(p)
}

func (c *tape) keep(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Write(p)
}

// TestWireTap: who records the connection sees neither text nor name nor key.
func TestWireTap(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	tap := &tape{Conn: cb}
	la, lb := pair(t, a, b, ca, tap)
	ha, hb := newRecorder(t), newRecorder(t)
	la.Start(ha, nil)
	lb.Start(hb, nil)
	got := make(chan string, 1)
	hb.onRecord = func(r *record.Record) { got <- r.Text() }
	const secret = "meet me at the old mill"
	la.Live(encode(t, onWire(newAuthor(t, a.id).say(t, secret))))
	if text := <-got; text != secret {
		t.Errorf("received %q", text)
	}
	la.Bye(wire.ByeLeaving)
	<-ha.down
	<-hb.down
	in, out := lb.Bytes()
	kept := tap.kept.Bytes()
	if int64(len(kept)) != in+out || len(kept) < 3000 {
		t.Errorf("%d bytes on the tape, %d counted", len(kept), in+out)
	}
	for _, word := range []string{secret, "peer 1", "peer 2", "Record", a.id.Key().String(), string(a.id.Key().Bytes()), string(b.id.Key().Bytes())} {
		if bytes.Contains(kept, []byte(word)) {
			t.Errorf("%q is on the tape", word)
		}
	}
	if !bytes.Contains(kept, []byte(Protocol)) { // the ClientHello is in clear: the tape has the real thing
		t.Error("no ALPN on the tape")
	}
}

// TestTerminatingProxy: a proxy that speaks TLS to both sides with its own key is refused where a key was
// expected. Where none was, it never passes for the peer.
func TestTerminatingProxy(t *testing.T) {
	a, b, proxy := newSide(t, 1), newSide(t, 2), newSide(t, 3)
	for _, expect := range []identity.Key{b.id.Key(), {}} {
		clientEnd, proxyIn := tcpPair(t)
		proxyOut, serverEnd := tcpPair(t)
		var pipes sync.WaitGroup
		in := tls.Server(proxyIn, rawTLS(&proxy.Certificate, nil))
		out := tls.Client(proxyOut, rawTLS(&proxy.Certificate, nil))
		forward := func(to, from *tls.Conn) {
			defer to.Close()
			_, _ = io.Copy(to, from)
		}
		pipes.Go(func() { forward(out, in) })
		pipes.Go(func() { forward(in, out) })
		o := join(t, a, b, clientEnd, serverEnd, expect)
		if expect.IsZero() {
			if o.clientErr != nil || o.client.Key() != proxy.id.Key() {
				t.Errorf("client: %v: the proxy's key is not seen", o.clientErr)
			}
			// What a says is forwarded as it is, but it is from no one but the proxy.
			if o.serverErr != nil || o.server.Key() != proxy.id.Key() {
				t.Errorf("server: %v: the proxy's key is not seen", o.serverErr)
			}
		} else if !errors.Is(o.clientErr, ErrWrongKey) {
			t.Errorf("client: %v, want %v", o.clientErr, ErrWrongKey)
		}
		for _, l := range []*Link{o.client, o.server} {
			if l != nil {
				l.fail(ErrDown)
			}
		}
		pipes.Wait()
	}
}
