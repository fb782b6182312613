package link

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Link is an open link. Its methods may be called from any goroutine.
type Link struct {
	cfg    Config
	conn   *conn // counts; closed once, by fail or at the end of run
	tls    *tls.Conn
	frames *wire.Reader // the reader's, after the Hello
	key    identity.Key
	hello  wire.Hello
	dialed bool
	queue  *queue
	rtt    rtt

	started atomic.Bool // by Start, or by Bye in its place
	handler Handler     // set by Start, as are those below
	group   *group.Group
	lane    *verify.Queue // nil: what comes is discarded
	ping    func() map[string]string

	closing chan struct{} // closed when either side has said Bye
	saidBye atomic.Bool   // we did
	peerBye atomic.Pointer[ByeError]
	once    sync.Once // of closing

	cut   chan struct{} // closed by fail
	cause error         // why; set once, before cut is closed
	fatal sync.Once     // of cut

	readerDone chan struct{} // closed when the reader has returned and all it read is delivered
	readErr    error         // set before: why reading ended; io.EOF: the peer ended its direction
	writerDone chan struct{} // closed when the writer has returned
	writeErr   error         // set before: nil if all was written and our direction ended
}

func newLink(c net.Conn, cfg Config, dialed bool) *Link {
	l := &Link{
		cfg:        cfg,
		conn:       newConn(c),
		dialed:     dialed,
		queue:      newQueue(),
		closing:    make(chan struct{}),
		cut:        make(chan struct{}),
		readerDone: make(chan struct{}),
		writerDone: make(chan struct{}),
	}
	l.rtt.epoch = l.conn.epoch
	l.frames = wire.NewReader(tlsReader{l})
	return l
}

// tlsReader reads from the TLS connection, which is made after the frame reader.
type tlsReader struct{ l *Link }

func (r tlsReader) Read(p []byte) (int, error) { return r.l.tls.Read(p) }

// Start starts the link's goroutines, which call h until Down; they belong to Config.Group.
// pingFrontier is asked, from the link's clock, for what goes into each Ping. It reports false, and
// h is not called at all, if Config.Group was stopped (the connection is closed then), or if the
// link had been started before, or ended by Bye.
func (l *Link) Start(h Handler, pingFrontier func() map[string]string) bool {
	if !l.started.CompareAndSwap(false, true) {
		return false
	}
	l.handler, l.ping = h, pingFrontier
	l.lane = l.cfg.Pool.OpenQueue(l.deliver)
	return l.launch()
}

func (l *Link) launch() bool {
	l.group = l.cfg.Group.Child()
	if l.group.Go("link/clock", l.run) {
		return true
	}
	l.fail(group.ErrStopped)
	if l.lane != nil {
		l.lane.Close()
	}
	return false
}

// Control queues what is small and urgent. It never blocks, and reports false if 256 frames or 1 MiB
// of them wait already or the link is going down.
func (l *Link) Control(f wire.Frame) bool { return l.queue.push(control, f) }

// Live queues a live record. It never blocks. It reports false when 1,024 frames or 1 MiB of them
// wait; from then on it is false until they all are written and Handler.Drained has been called.
// It is false too, without a Drained to come, once the link is going down.
func (l *Link) Live(f wire.Frame) bool { return l.queue.push(live, f) }

// Sync queues bulk, which is written when nothing else waits. It never blocks, and reports false
// when 8 frames or 512 KiB wait or the link is going down.
func (l *Link) Sync(f wire.Frame) bool { return l.queue.push(bulk, f) }

// ControlSpace is how many small frames Control would take now.
func (l *Link) ControlSpace() int { return l.queue.left(control) }

// WaitControl waits until the control queue is at most half full, as WaitLive does: for whoever has more
// than a few frames for it.
func (l *Link) WaitControl(ctx context.Context) error { return l.queue.wait(ctx, control) }

// LiveSpace is how many small frames Live would take now.
func (l *Link) LiveSpace() int { return l.queue.left(live) }

// SyncSpace is how many small frames Sync would take now.
func (l *Link) SyncSpace() int { return l.queue.left(bulk) }

// WaitLive waits until the live queue is at most half full and takes frames. It returns ErrDown once
// the link is going down, or the cause of ctx's end.
func (l *Link) WaitLive(ctx context.Context) error { return l.queue.wait(ctx, live) }

// WaitSync waits until the sync queue is at most half full, as WaitLive does.
func (l *Link) WaitSync(ctx context.Context) error { return l.queue.wait(ctx, bulk) }

// Bye ends the link in good order: what is queued is written, then Bye, then our direction ends, and
// what the peer still sends is delivered until it ends its own; then Down. If the peer stops or
// trickles, that is cut short after 5 s of silence, or 20 s in all. It never blocks. Nothing more
// is accepted from now on. On a link that was not started, what the peer sends is thrown away, and
// there is no Down: where that would lose messages, Start first.
func (l *Link) Bye(reason string) {
	l.bye(reason)
	if l.started.CompareAndSwap(false, true) {
		l.launch()
	}
}

// bye seals the queue with a Bye behind all that waits. After the peer's Bye there is none: the
// peer doesn't look for it.
func (l *Link) bye(reason string) {
	frame, err := wire.Encode(wire.Bye{Reason: reason})
	if err != nil { // over 64 KiB: an error of the caller
		frame = nil
	}
	l.saidBye.Store(true) // first: the peer's answer can be here before seal returns
	l.queue.seal(frame)
	l.once.Do(func() { close(l.closing) })
}

// Abort cuts the link at once. What is queued, and what has come but is not delivered, is lost. Down
// follows with why, if the link was started. It doesn't wait. The first reason counts.
func (l *Link) Abort(why error) {
	if why == nil {
		why = ErrDown
	}
	l.fail(why)
}

// fail cuts the connection. The clock does the rest.
func (l *Link) fail(why error) {
	l.fatal.Do(func() {
		l.cause = why
		close(l.cut)
		l.conn.Close()
		l.queue.drop()
	})
}

// Ending reports whether the link is on its way down: either side has said Bye, or it was cut.
func (l *Link) Ending() bool {
	select {
	case <-l.closing:
		return true
	case <-l.cut:
		return true
	default:
		return false
	}
}

// Key is the peer's: its identity, proven.
func (l *Link) Key() identity.Key { return l.key }

// Hello is the peer's. Its ID follows from the key.
func (l *Link) Hello() wire.Hello { return l.hello }

// Dialed reports whether we opened the connection.
func (l *Link) Dialed() bool { return l.dialed }

// RemoteAddr is the other end of the connection; IPv4 in IPv4 form. It is invalid if the connection
// has none.
func (l *Link) RemoteAddr() netip.AddrPort {
	var addr netip.AddrPort
	switch a := l.conn.RemoteAddr().(type) {
	case nil:
	case *net.TCPAddr:
		addr = a.AddrPort()
	default:
		addr, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// RTT is the smoothed round-trip time of pings; 0 before the first answer.
func (l *Link) RTT() time.Duration { return l.rtt.smoothed() }

// Bytes are those received and sent on the socket, TLS included.
func (l *Link) Bytes() (in, out int64) { return l.conn.in.Load(), l.conn.out.Load() }

// LastHeard is when the last bytes of the peer came.
func (l *Link) LastHeard() time.Time {
	return l.conn.epoch.Add(time.Duration(l.conn.heard.Load()))
}
