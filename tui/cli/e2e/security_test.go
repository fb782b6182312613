package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// proxy forwards TCP connections to a peer, and records or delays the bytes.
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

// throttle slows the bytes from the peer down, until the returned function is called.
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

// tape returns all bytes that have passed.
func (p *proxy) tape() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.kept.Bytes())
}

// stranger connects to a peer by TLS with the certificate of id.
func stranger(t *testing.T, to *peer, id *identity.Identity) *tls.Conn {
	t.Helper()
	certificate, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", to.ready.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	raw.SetDeadline(time.Now().Add(patience))
	return tls.Client(raw, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
		NextProtos: []string{link.Protocol}, InsecureSkipVerify: true})
}

// frame returns a message with its length before it.
func frame(t *testing.T, m wire.Message) []byte {
	t.Helper()
	f, err := wire.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A connection from no peer, or from a broken peer, is closed with a reason in the log, and the program
// goes on.
func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	logged := filepath.Join(home, "log")
	a := begin(t, program(t, home, alone("--name", "Ann", "--log", logged)...))
	own, err := identity.Load(a.ready.Profile)
	if err != nil {
		t.Fatal(err)
	}
	other := identity.FromSeed([32]byte{9})
	noise := make([]byte, 100_000)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	huge := binary.BigEndian.AppendUint32(nil, 1<<31)
	hello := frame(t, wire.Hello{Versions: []int{link.Version}, Name: "x", Started: 1, Inst: "1"})
	future := frame(t, wire.Hello{Versions: []int{99}, Name: "x", Started: 1, Inst: "1"})
	named := frame(t, wire.Hello{Versions: []int{link.Version}, Name: "\x1b[31m", Started: 1, Inst: "1"})
	var reasons []string
	for _, c := range []struct {
		what   string
		id     *identity.Identity // nil: without TLS
		bytes  []byte
		reason string // in the log
		slow   bool
	}{
		{what: "noise", bytes: noise},
		{what: "a broken TLS record", bytes: []byte{22, 3, 1, 0, 5, 1, 2, 3, 4, 5}, reason: link.ErrTLS.Error()},
		{what: "own key", id: own, reason: link.ErrOwnKey.Error()},
		{what: "oversized frame", id: other, bytes: huge, reason: wire.ErrFrameSize.Error()},
		{what: "no JSON", id: other, bytes: []byte("\x00\x00\x00\x05hello"), reason: wire.ErrNoTag.Error()},
		{what: "another version", id: other, bytes: future, reason: link.ErrVersion.Error()},
		{what: "a name with an escape", id: other, bytes: named, reason: link.ErrHello.Error()},
		{what: "another room", id: other, bytes: hello},
		{what: "no Hello", id: other, reason: link.ErrNoHello.Error(), slow: true},
	} {
		if c.slow && testing.Short() {
			continue
		}
		t.Run(c.what, func(t *testing.T) {
			var conn net.Conn = stranger(t, a, other)
			if c.id == nil {
				conn = conn.(*tls.Conn).NetConn()
			} else if c.id != other {
				conn = stranger(t, a, c.id)
			}
			if len(c.bytes) > 0 {
				conn.Write(c.bytes) // may be refused before all is written
			} else if t, ok := conn.(*tls.Conn); ok {
				t.Handshake()
			}
			// It is closed from the other side.
			if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
				t.Error(err)
			}
			reasons = append(reasons, c.reason)
		})
	}

	// A connection that isn't native is judged by its text and reported on the screen.
	a.until("noise refused", func(h happened) bool { return h.Event == "refused" && strings.Contains(h.Reason, "nor text") })

	// A peer that misbehaves after the handshake is reported on the screen.
	conn := stranger(t, a, other)
	conn.Write(frame(t, wire.Hello{Versions: []int{link.Version}, Name: "Eve", Started: 1, Inst: "1",
		Rooms: []wire.InRoom{{Room: record.OpenRoom("lobby").String()}}}))
	a.until("Eve", func(h happened) bool { return h.Name == "Eve" && h.State == "up" })
	conn.Write([]byte("\x00\x00\x00\x1a" + `{"Something":{"newer": 1}}`))
	conn.Write(huge)
	// An unknown tag isn't reported: a newer program may use one.
	h := a.until("refusal", func(h happened) bool { return h.Event == "refused" })
	if h.From != "Eve" || h.Reason != link.RefusedSize {
		t.Errorf("refused as %+v", h)
	}
	a.until("Eve's end", func(h happened) bool { return h.Name == "Eve" && h.State == "lost" })

	// After all that it still talks to a proper peer.
	b := begin(t, program(t, home, alone("--name", "Ben", "--connect", fmt.Sprint("127.0.0.1:", a.ready.Port))...))
	a.sees("up", b)
	b.says("hello")
	a.hears(b, "hello")
	a.quits()
	text, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range reasons {
		if !strings.Contains(string(text), reason) {
			t.Errorf("no %q in the log\n%s", reason, text)
		}
	}
}

// A recording of the connection between two peers shows neither their messages nor their names.
func TestWireTap(t *testing.T) {
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Alexandra")...))
	tap := newProxy(t, fmt.Sprint("127.0.0.1:", a.ready.Port))
	b := begin(t, program(t, home, alone("--name", "Bartholomew", "--connect", tap.addr())...))
	a.sees("up", b)
	b.sees("up", a)
	a.says("meet me at the old mill")
	b.hears(a, "meet me at the old mill")
	b.says("the password is swordfish")
	a.hears(b, "the password is swordfish")
	a.quits()
	b.sees("left", a)
	kept := tap.tape()
	if len(kept) < 3000 || !bytes.Contains(kept, []byte(link.Protocol)) { // the ClientHello is in clear
		t.Errorf("%d bytes on the tape: not the connection", len(kept))
	}
	for _, word := range []string{"mill", "swordfish", "Alexandra", "Bartholomew", "Hello", "Record", "lobby", a.ready.ID, a.ready.Key, b.ready.ID, b.ready.Key} {
		if bytes.Contains(kept, []byte(word)) {
			t.Errorf("%q is on the tape", word)
		}
	}
}

// A proxy that speaks TLS to both sides, with a key of its own, sends a forged announcement. The dialling
// peer refuses it, reports that, and sends it nothing.
func TestTerminatingProxy(t *testing.T) {
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Ann")...))
	proxy, err := identity.FromSeed([32]byte{7}).Certificate()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var caught bytes.Buffer
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{proxy}, MinVersion: tls.VersionTLS13,
				NextProtos: []string{link.Protocol}, ClientAuth: tls.RequestClientCert})
			io.Copy(&caught, in)
			conn.Close()
		}
	})
	var key identity.Key
	if err := key.UnmarshalText([]byte(a.ready.Key)); err != nil {
		t.Fatal(err)
	}
	lure, err := wire.Beacon{Discovery: &wire.Discovery{ID: a.ready.ID, Name: "Ann", IP: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port),
		V: 1, Started: 1, Inst: "0123456789abcdef", Key: &key, Rooms: []string{record.OpenRoom("lobby").String()}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	b := begin(t, program(t, home, "start", "--json", "--name", "Ben", "--interface", "lo", "--discovery-port", port, "--no-mdns", "--port", "0"))
	udp, err := net.Dial("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if _, err := udp.Write(lure); err != nil {
		t.Fatal(err)
	}
	h := b.until("refusal", func(h happened) bool { return h.Event == "refused" })
	if h.From != l.Addr().String() || !strings.Contains(h.Reason, "another key") {
		t.Errorf("refused as %+v", h)
	}
	// It connects to the real peer by her address.
	b.says(fmt.Sprint("/connect 127.0.0.1:", a.ready.Port))
	b.sees("up", a)
	b.quits()
	l.Close()
	serving.Wait()
	if caught.Len() != 0 {
		t.Errorf("the proxy received %q", caught.Bytes())
	}
}
