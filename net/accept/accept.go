// Package accept is the one port for every protocol. It accepts connections, keeps their number within
// limits, finds out by the first byte what each speaks, and hands it on.
//
// # The first byte
//
// The first byte that isn't white space decides, however long it takes to come:
//
//	0x16        a TLS handshake, before which no white space may stand: Config.Native
//	{           JSON objects, as the seed's programs send them: Client.ServeObjects
//	printable   lines of text: Client.ServeLines, unless the first line is an HTTP request
//	any other   the connection is closed
//
// An HTTP client gets status 400. A web page may make a browser send a request to any port in its reach, which
// must never be taken for a message of the user's.
//
// A connection that has sent nothing for 3 s becomes a line client, to which messages are written. Its
// first byte still decides: it leaves again if it turns out to speak something else.
//
// # Order
//
// A seed program opens a connection for each message. Connections are read beside each other, so
// quick messages would come out shuffled (one in five of a thousand). Conn.AwaitOrder holds back what a
// connection says until those of the same address that were accepted before it have said theirs. A
// silent one holds up the next for 100 ms at most.
//
// # Limits
//
// Connections that have sent nothing yet are limited to 256, and to 32 of one address. So are those in
// cleartext, to 256 and 64. A new connection always stays, since it may be a native peer's. It pushes
// out the connection that was idle for longest, of the address that has most. So a flood from one address
// pushes out only its own connections. Those that wait to be read at all (see Order) are limited to 1024, and of the
// address that has most the newest is closed. Nothing more is accepted while 256 wait for a processor, to be counted
// here, or to notice that they were pushed out. So each descriptor counts in one of these limits.
//
// Native connections that are no link yet are limited to 256, and to 32 of one address; more are closed
// at once. Of them 16 may be in the TLS handshake, at most half of them of one address; the others wait
// for up to 5 s. Loopback is exempt from the limits of one address.
package accept

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/net/group"
)

// Config is what a Port needs. All fields must be set. The functions are called from many goroutines,
// each connection's calls from its own.
type Config struct {
	Listener net.Listener // closed by the Port

	// Native makes a link of a connection that begins a TLS handshake, or closes it, and returns when
	// either is done. began is when the first byte came. keyProven must be called as soon as the
	// peer's key is proven: it frees the place in the handshake. More than one call does nothing.
	Native func(conn net.Conn, began time.Time, keyProven func())

	// Cleartext returns what serves a connection that is silent, or sends text or JSON.
	Cleartext func(conn *Conn) Client

	// Allowed reports whether connections in cleartext are served for an address.
	Allowed func(netip.Addr) bool

	// Refused is called for each connection that is turned away: with the reason. It must not block. For
	// TooMany the goroutine that accepts may call it.
	Refused func(from, reason string)

	Log *slog.Logger
}

// Reasons of Config.Refused.
const (
	NotText     = "neither native, nor JSON, nor text"
	NotAllowed  = "plain peers are not allowed from there"
	TooMany     = "too many connections"
	httpRequest = "HTTP request"
)

// Client serves one connection in cleartext. The connection's goroutine calls its methods, and closes
// the connection afterwards.
type Client interface {
	// Join makes the silent connection a line client, to which messages are written. An error closes
	// the connection.
	Join() error
	// Leave undoes Join. err is why the connection ended, or nil if it turned out to send no lines.
	// Without a Join before, Leave does nothing.
	Leave(err error)
	// ServeLines reads lines until the connection ends, and leaves.
	ServeLines()
	// ServeObjects reads JSON objects until the connection ends.
	ServeObjects()
}

// Port accepts connections until Close, or the end of its group.
type Port struct {
	cfg    Config
	group  *group.Group
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	order      *acceptOrder
	silent     *connLimiter // connections that have sent nothing yet
	cleartext  *connLimiter // connections that send text or JSON
	arrivals   *Semaphore   // native connections that are no link yet
	handshakes *Semaphore   // native connections in the TLS handshake
}

// Start accepts connections in goroutines of g.
func Start(g *group.Group, cfg Config) *Port {
	p := &Port{
		cfg: cfg, group: g,
		order:      newAcceptOrder(),
		silent:     newConnLimiter(maxSilent, maxSilentOfAddr),
		cleartext:  newConnLimiter(maxCleartext, maxCleartextOfAddr),
		arrivals:   NewSemaphore(maxArrivals, maxArrivalsOfAddr),
		handshakes: NewSemaphore(maxHandshakes, maxHandshakes/2),
	}
	p.ctx, p.cancel = context.WithCancel(g.Context())
	context.AfterFunc(p.ctx, func() { cfg.Listener.Close() })
	g.Go("accept/port", p.acceptAll)
	return p
}

// Close closes the listener and every connection that Config.Native didn't get. It doesn't wait.
func (p *Port) Close() {
	p.cancel()
	p.cfg.Listener.Close()
}

func (p *Port) acceptAll(context.Context) {
	for p.order.awaitSettled(p.ctx) {
		conn, err := p.cfg.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || p.ctx.Err() != nil {
				return
			}
			p.cfg.Log.Warn("accept", "error", err) // out of files, perhaps: others will close some
			if !group.Sleep(p.ctx, acceptAgain, nil) {
				return
			}
			continue
		}
		from := AddrPort(conn.RemoteAddr())
		c := &Conn{Conn: conn, remote: from, orderSlot: p.order.add(from.Addr())}
		if c.orderSlot == nil {
			conn.Close()
			p.cfg.Refused(from.Addr().String(), TooMany)
			continue
		}
		if !p.group.Go("accept/conn", func(context.Context) { p.serve(c) }) {
			c.end()
		}
	}
}

// serve finds out what a connection speaks and has it served.
func (p *Port) serve(c *Conn) {
	select {
	case <-c.placed:
	case <-c.denied:
		c.end()
		c.noteSettled()
		p.cfg.Refused(c.remote.Addr().String(), TooMany)
		return
	case <-p.ctx.Done():
		c.end()
		return
	}
	stop := context.AfterFunc(p.ctx, func() { c.Conn.Close() })
	p.limit(c, p.silent)
	c.noteSettled()
	_ = c.SetReadDeadline(time.Now().Add(silentAfter))

	client := p.cfg.Cleartext(c)
	protocol, err := c.classify(client)
	switch {
	case err != nil:
		client.Leave(err)
	case protocol != native:
		p.serveCleartext(c, client, protocol)
	default:
		client.Leave(nil)
		if stop() {
			p.serveNative(c)
			return
		}
	}
	stop()
	c.end()
}

// serveNative has a connection made a link, when its turn for the handshake comes.
func (p *Port) serveNative(c *Conn) {
	c.endOrder()
	c.slot.free()
	c.slot = nil
	_ = c.SetReadDeadline(time.Time{})
	from, began := c.remote.Addr(), time.Now()
	if !p.arrivals.TryEnter(from) {
		c.Close()
		return
	}
	defer p.arrivals.Leave(from)
	waiting, cancel := context.WithTimeout(p.ctx, handshakeWithin)
	defer cancel()
	if !p.handshakes.Enter(waiting, from) {
		c.Close()
		return
	}
	leave := sync.OnceFunc(func() { p.handshakes.Leave(from) })
	defer leave()
	p.cfg.Native(c, began, leave) // the Hello, which may take 10 s, holds no place
}

func (p *Port) serveCleartext(c *Conn, client Client, protocol protocol) {
	from := c.remote.Addr()
	switch {
	case protocol == garbage:
		client.Leave(nil)
		p.cfg.Refused(from.String(), NotText)
	case !p.cfg.Allowed(from):
		client.Leave(nil)
		p.cfg.Refused(from.String(), NotAllowed)
	case protocol == objects:
		client.Leave(nil)
		p.limit(c, p.cleartext)
		client.ServeObjects()
	default:
		p.limit(c, p.cleartext)
		p.serveText(c, client)
	}
}

// serveText has lines served, and answers an HTTP request.
func (p *Port) serveText(c *Conn, client Client) {
	line, whole, err := c.firstLine(client)
	switch {
	case err != nil:
		client.Leave(err)
	case isHTTP(line, whole):
		p.cfg.Refused(c.remote.Addr().String(), httpRequest)
		_ = c.SetWriteDeadline(time.Now().Add(lingerWithin))
		_, _ = c.Write(httpRefusal)
		client.Leave(nil)
		c.linger()
	default:
		client.ServeLines()
	}
}

// limit counts a connection with one of the limiters, which closes another if there are too many.
func (p *Port) limit(c *Conn, l *connLimiter) {
	slot, pushed := l.move(c.slot, c, c.remote.Addr())
	c.slot = slot
	if pushed != nil {
		p.cfg.Refused(pushed.addr.String(), TooMany)
	}
}
