package link

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var room = record.OpenRoom("lobby")

// side is one participant's configuration.
type side struct {
	Config
	id *identity.Identity
}

// newSide makes a participant; n is its identity, never 0.
func newSide(t testing.TB, n byte) side {
	t.Helper()
	id := identity.FromSeed([ed25519.SeedSize]byte{n})
	cert, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	g := group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	t.Cleanup(g.Close)
	return side{id: id, Config: Config{
		Identity:    id,
		Certificate: cert,
		Hello: func() wire.Hello {
			return wire.Hello{Versions: []int{Version}, Name: fmt.Sprint("peer ", n), Inst: "00", Agent: "test"}
		},
		Pool:  verify.Start(g, 0),
		Group: g,
	}}
}

// tcpPair returns both ends of a loopback connection.
func tcpPair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// memPair returns both ends of a connection from the first host to the second of a new network.
func memPair(t testing.TB, seed uint64, shape memnet.Link) (n *memnet.Network, client, server net.Conn) {
	t.Helper()
	n = memnet.New(seed)
	t.Cleanup(n.Close)
	n.SetDefault(shape)
	l, err := host(n, 2).Listen(t.Context(), "tcp", ":8080")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	if client, err = host(n, 1).DialContext(t.Context(), "tcp", "10.0.0.2:8080"); err != nil {
		t.Fatal(err)
	}
	return n, client, <-accepted
}

func host(n *memnet.Network, i byte) *memnet.Host {
	return n.Host(netip.AddrFrom4([4]byte{10, 0, 0, i}))
}

// opened is what Client and Server returned.
type opened struct {
	client, server       *Link
	clientErr, serverErr error
}

// join runs Client and Server on the two ends.
func join(t testing.TB, a, b side, ca, cb net.Conn, expect identity.Key) opened {
	t.Helper()
	var o opened
	var both sync.WaitGroup
	both.Go(func() { o.client, o.clientErr = Client(t.Context(), ca, a.Config, expect) })
	both.Go(func() { o.server, o.serverErr = Server(t.Context(), cb, b.Config) })
	both.Wait()
	return o
}

// pair opens two links that are each other's peer.
func pair(t testing.TB, a, b side, ca, cb net.Conn) (la, lb *Link) {
	t.Helper()
	o := join(t, a, b, ca, cb, b.id.Key())
	if o.clientErr != nil || o.serverErr != nil {
		t.Fatalf("client: %v; server: %v", o.clientErr, o.serverErr)
	}
	return o.client, o.server
}

// recorder is a Handler that records its calls, and checks that they keep the rules of the interface.
type recorder struct {
	t    testing.TB
	from time.Time
	busy atomic.Bool
	over atomic.Bool
	down chan error    // one value
	news chan struct{} // of size 1: something was noted

	onRecord  func(*record.Record) // each may be nil
	onMessage func(wire.Message)
	onState   func(late bool)
	onDrained func()

	mu     sync.Mutex
	events []string
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{t: t, from: time.Now(), down: make(chan error, 1), news: make(chan struct{}, 1)}
}

// enter begins a call that must not run beside another.
func (h *recorder) enter() func() {
	h.alive()
	if !h.busy.CompareAndSwap(false, true) {
		h.t.Error("two calls at once")
	}
	return func() { h.busy.Store(false) }
}

func (h *recorder) alive() {
	if h.over.Load() {
		h.t.Error("a call after Down")
	}
}

func (h *recorder) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, fmt.Sprintf(format, args...))
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// await waits until so many events were noted. One goroutine may call it.
func (h *recorder) await(events int) {
	for len(h.seen()) < events {
		select {
		case <-h.news:
		case <-h.t.Context().Done():
			return
		}
	}
}

func (h *recorder) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.events...)
}

func (h *recorder) Record(_ *Link, r *record.Record) {
	defer h.enter()()
	if h.onRecord != nil {
		h.onRecord(r)
		return
	}
	h.note("record %s", r.Text())
}

func (h *recorder) Records(_ *Link, m wire.Records, rs []*record.Record) {
	defer h.enter()()
	for _, r := range rs {
		h.note("records %d %s", m.N, r.Text())
	}
	h.note("records %d end=%v raw=%d", m.N, m.End, len(m.Records))
}

func (h *recorder) Message(_ *Link, m wire.Message) {
	defer h.enter()()
	if h.onMessage != nil {
		h.onMessage(m)
		return
	}
	h.note("message %v", m)
}

func (h *recorder) Frontier(_ *Link, hashes map[string]string) {
	defer h.enter()()
	h.note("frontier %v", hashes)
}

func (h *recorder) Refused(_ *Link, reason string) {
	defer h.enter()()
	h.note("refused %s", reason)
}

func (h *recorder) Drained(*Link) {
	h.alive()
	h.note("drained")
	if h.onDrained != nil {
		h.onDrained()
	}
}

func (h *recorder) State(_ *Link, late bool) {
	h.alive()
	h.note("late=%v at %v", late, time.Since(h.from).Round(time.Microsecond))
	if h.onState != nil {
		h.onState(late)
	}
}

func (h *recorder) Down(_ *Link, why error) {
	h.alive()
	if h.busy.Load() {
		h.t.Error("Down during another call")
	}
	if h.over.Swap(true) {
		h.t.Error("Down twice")
	}
	h.note("down at %v", time.Since(h.from).Round(time.Microsecond))
	h.down <- why
}

// author writes one feed.
type author struct {
	id   *identity.Identity
	feed record.Feed
	prev *record.Record
}

func newAuthor(t testing.TB, id *identity.Identity) *author {
	t.Helper()
	a := &author{id: id, feed: record.NewFeed(1)}
	a.prev = a.sign(t, record.Body{Kind: record.KindOpen, Data: record.NamingData("author")})
	return a
}

func (a *author) sign(t testing.TB, b record.Body) *record.Record {
	t.Helper()
	b.Room, b.Feed = room, a.feed
	r, err := record.Sign(a.id, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// say returns the next record of the feed.
func (a *author) say(t testing.TB, text string) *record.Record {
	t.Helper()
	a.prev = a.sign(t, record.Body{
		Kind: record.KindChat, Data: record.TextData(text), Seq: a.prev.Seq() + 1, Prev: a.prev.ID(), Time: record.Time{Ms: 1},
	})
	return a.prev
}

func onWire(r *record.Record) wire.Record {
	return wire.Record{Body: r.Signed(), Sig: r.Signature()}
}

func encode(t testing.TB, m wire.Message) wire.Frame {
	t.Helper()
	f, err := wire.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rawTLS connects a client of the right protocol with another certificate or other rules.
func rawTLS(cert *tls.Certificate, change func(*tls.Config)) *tls.Config {
	c := &tls.Config{
		InsecureSkipVerify:     true,
		NextProtos:             []string{Protocol},
		SessionTicketsDisabled: true,
		ClientAuth:             tls.RequestClientCert,
	}
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	if change != nil {
		change(c)
	}
	return c
}
