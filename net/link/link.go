package link

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Link is an open link. Its methods may be called from any goroutine.
type Link struct {
	cfg    Config
	conn   *conn // counts bytes; closed by fail or at the end of run
	tls    *tls.Conn
	frames *wire.Reader // used by the reader alone, after the Hello
	key    identity.Key
	hello  wire.Hello
	dialed bool
	queue  *queue
	rtt    rtt
	pings  keepalive // used by run only; kept here so that run's stack stays small

	expected expectation

	started  atomic.Bool // by Start, or ended by Refuse in its place
	handler  Handler     // set by Start, as are those below
	group    *group.Group
	incoming *verify.Queue
	ping     func() map[string]string

	closing chan struct{} // closed when either side has said Bye
	saidBye atomic.Bool   // we have
	peerBye atomic.Pointer[ByeError]
	once    sync.Once // guards closing

	cut    context.Context // ended by fail, with its reason as the cause
	endCut context.CancelCauseFunc

	delivered  chan struct{} // closed once deliverQueued has returned, or will never start
	readerDone chan struct{} // closed when the reader has returned and all its messages are delivered
	readErr    error         // why reading ended, set before; io.EOF: the peer ended its direction
	writerDone chan struct{} // closed when the writer has returned
	writeErr   error         // set before; nil if all frames were written and our direction ended
}

func newLink(c net.Conn, cfg Config, dialed bool) *Link {
	l := &Link{
		cfg:        cfg,
		conn:       newConn(c),
		dialed:     dialed,
		queue:      newQueue(),
		closing:    make(chan struct{}),
		delivered:  make(chan struct{}),
		readerDone: make(chan struct{}),
		writerDone: make(chan struct{}),
	}
	l.rtt.epoch = l.conn.epoch
	l.cut, l.endCut = context.WithCancelCause(context.Background())
	return l
}

// Start starts the link's goroutines, which call h until Down; they belong to Config.Group. The keepalive
// goroutine calls pingFrontier for the frontier of each Ping. Start reports false, and never calls h, if
// the link was started or refused before, or if Config.Group was stopped, which closes the connection.
func (l *Link) Start(h Handler, pingFrontier func() map[string]string) bool {
	if !l.started.CompareAndSwap(false, true) {
		return false
	}
	l.handler, l.ping = h, pingFrontier
	l.incoming = l.cfg.Pool.OpenQueue()
	l.group = l.cfg.Group.Child()
	if l.group.Go("link/keepalive", l.run) {
		return true
	}
	l.fail(group.ErrStopped)
	l.incoming.Close()
	return false
}

// run starts the link's other goroutines, and returns after them.
func (l *Link) run(ctx context.Context) {
	defer l.group.Stop() // frees its place in the parent
	// If the group was stopped meanwhile, fail and Close end those that run.
	if !l.group.Go("link/reader", l.read) {
		close(l.delivered)
		close(l.readerDone)
		l.fail(group.ErrStopped)
	}
	if !l.group.Go("link/writer", l.write) {
		close(l.writerDone)
		l.fail(group.ErrStopped)
	}
	l.pings = keepalive{l: l, nextPing: time.Now(), expected: time.Now()}
	l.pings.loop(ctx)

	l.queue.drop()
	l.conn.Close()
	if l.discardsInput(ctx) {
		l.incoming.Close() // drops waiting messages, but not the one being delivered
	}
	<-l.writerDone
	<-l.readerDone
	l.incoming.Close()
	<-l.delivered
	l.handler.Down(l, l.downReason())
}

// discardsInput reports whether received messages should no longer be delivered.
func (l *Link) discardsInput(ctx context.Context) bool {
	if why := context.Cause(l.cut); why != nil {
		return !errors.Is(why, ErrLost) && !errors.Is(why, ErrSlow)
	}
	return ctx.Err() != nil
}

// downReason returns the reason for Down, once reader and writer have returned.
func (l *Link) downReason() error {
	if bye := l.peerBye.Load(); bye != nil {
		return bye
	}
	if why := context.Cause(l.cut); why != nil {
		return why
	}
	return l.writeErr // both directions have ended: nil if all our frames were written before
}

// Control queues a small and urgent frame. It never blocks, and reports false if 256 frames or 1 MiB of
// them wait already, or the link is going down.
func (l *Link) Control(f wire.Frame) bool { return l.queue.push(control, f) }

// Live queues a live record of our own. It never blocks. It reports false once 1,024 frames or 1 MiB of them wait,
// and goes on to do so until they all are written and Handler.Drained was called. Once the link is going
// down it reports false too, and no Drained follows.
func (l *Link) Live(f wire.Frame) bool { return l.queue.push(live, f) }

// Relay does what Live does with a live record of someone else. Records of each flow are written in order, and those of
// several in turn (see package fair). A flow that is full takes nothing from others, nor from Live.
func (l *Link) Relay(f wire.Frame, of fair.Flow, rank int) bool { return l.queue.pushLive(f, of, rank) }

// Gather makes live records wait until they fill a TLS record, which costs both sides less in a burst. Gather(false)
// sends those that wait, and later ones go at once.
func (l *Link) Gather(on bool) { l.queue.gatherLive(on) }

// Release sends the live records that wait because of Gather, unless a TLS record went out since the last call.
func (l *Link) Release() { l.queue.release() }

// Sync queues a frame of an answer, to be written when no other frame waits. It never blocks, and reports
// false if 8 frames or 512 KiB wait or the link is going down.
func (l *Link) Sync(f wire.Frame) bool { return l.queue.push(bulk, f) }

// ControlSpace returns how many small frames Control would accept now.
func (l *Link) ControlSpace() int { return l.queue.countSpace(control) }

// Expect announces that we ask the peer for so many frames of records, for which the reader doesn't rest (see Pacer).
func (l *Link) Expect(frames int) { l.expected.add(frames) }

// ControlBytes returns how many bytes wait in the control queue.
func (l *Link) ControlBytes() int { return l.queue.countBytes(control) }

// WaitControl waits until the control queue is at most half full, as WaitLive does.
func (l *Link) WaitControl(ctx context.Context) error { return l.queue.wait(ctx, control) }

// LiveSpace returns how many small frames Live would accept now.
func (l *Link) LiveSpace() int { return l.queue.countSpace(live) }

// SyncSpace returns how many small frames Sync would accept now.
func (l *Link) SyncSpace() int { return l.queue.countSpace(bulk) }

// WaitLive waits until the live queue is at most half full and accepts frames. It returns ErrDown once
// the link is going down, or the cause of ctx's end.
func (l *Link) WaitLive(ctx context.Context) error { return l.queue.wait(ctx, live) }

// WaitSync waits until the sync queue is at most half full, as WaitLive does.
func (l *Link) WaitSync(ctx context.Context) error { return l.queue.wait(ctx, bulk) }

// Bye ends the link in good order: the writer writes all queued frames and then Bye, and ends our
// direction. The peer's messages are delivered until it ends its own; then Down follows. That takes at
// most 5 s of silence and 20 s in all. Bye never blocks, and the link accepts no more frames. The link must
// have been started. After the peer's Bye there is none of ours, since the peer wouldn't read it.
func (l *Link) Bye(reason string) { l.ByeWith(wire.Bye{Reason: reason}) }

// ByeWith does what Bye does, with more than a reason.
func (l *Link) ByeWith(m wire.Bye) {
	frame, _ := wire.Encode(m) // nil if it is over 64 KiB: the caller's mistake
	l.saidBye.Store(true)      // first: the peer's answer can be here before seal returns
	l.queue.seal(frame)
	l.once.Do(func() { close(l.closing) })
}

// Expel ends the link as Bye does, but nothing more of what the peer sent is delivered. Handler's methods may call
// it.
func (l *Link) Expel(reason string) {
	l.Bye(reason)
	l.incoming.Close()
}

// Refuse ends a link that wasn't started. It says Bye, waits at most a second for the peer to read it, and closes
// the connection. What the peer has sent is discarded, and no Down follows. On a link that was started it
// does nothing.
func (l *Link) Refuse(reason string) {
	if l.started.CompareAndSwap(false, true) {
		l.writeBye(reason)
		l.awaitRefusalRead()
		l.fail(ErrUnwanted)
	}
}

// fail cuts the connection. Queued frames and undelivered messages are lost, and Down follows with the first
// reason if the link was started. It doesn't wait.
func (l *Link) fail(why error) {
	l.endCut(why) // the first reason stays
	l.conn.Close()
	l.queue.drop()
}

// Ending reports whether the link is on its way down: either side has said Bye, or it was cut.
func (l *Link) Ending() bool {
	select {
	case <-l.closing:
		return true
	default:
		return l.cut.Err() != nil
	}
}

// Key returns the peer's key: its identity, which TLS has proven.
func (l *Link) Key() identity.Key { return l.key }

// Can reports whether the peer's Hello names a capability (see package wire).
func (l *Link) Can(capability string) bool { return l.hello.Can(capability) }

// Hello returns the peer's Hello, with the ID that follows from the key.
func (l *Link) Hello() wire.Hello { return l.hello }

// Dialed reports whether we opened the connection.
func (l *Link) Dialed() bool { return l.dialed }

// RemoteAddr returns the other end of the connection, with IPv4 in IPv4 form. It is invalid if the
// connection has no address.
func (l *Link) RemoteAddr() netip.AddrPort { return accept.AddrPort(l.conn.RemoteAddr()) }

// RTT returns the smoothed round-trip time of pings, or 0 before the first answer.
func (l *Link) RTT() time.Duration { return l.rtt.smoothed() }

// Bytes returns how many bytes the socket has received and sent, those of TLS included.
func (l *Link) Bytes() (in, out int64) { return l.conn.in.Load(), l.conn.out.Load() }

// Handler receives the messages and events of a link.
//
// A single goroutine at a time calls Record, Records, Message, Frontier and Refused of a link, in the
// order in which the frames arrived. They may block: reading pauses then and TCP holds the peer back.
// They must return soon after the context of Config.Group has ended, and may call any method of the Link.
//
// Drained and State come from goroutines of their own, beside those, and must not block.
type Handler interface {
	// Record handles a live record whose signature was verified.
	Record(l *Link, r *record.Record)

	// Records handles the verified records of a Records frame, in its order. Invalid ones have gone to
	// Refused. m is the frame without its Records.
	Records(l *Link, m wire.Records, rs []*record.Record)

	// Message handles any other message but Hello, Ping, Pong, Heartbeat and Bye.
	Message(l *Link, m wire.Message)

	// Frontier handles the map of rooms to hashes of a Ping. A room that it leaves out has the hash of the Ping
	// before, or of the Hello.
	Frontier(l *Link, hashes map[string]string)

	// Refused counts a message that was not accepted. reason is one of the constants Refused….
	Refused(l *Link, reason string)

	// Drained is called when Live had returned false and all frames of the live queue have been written
	// since. Live accepts frames again. Drained may run before that Live has returned to its caller. So
	// hold a lock over Live and the reaction to its result, and take the same lock in Drained.
	Drained(l *Link)

	// State is called when the peer has been silent for 10 s (late), and when it is heard again.
	State(l *Link, late bool)

	// Down is called once, after all other calls have returned. No goroutine of the link runs any more,
	// and the socket is closed. why is a *ByeError if the peer said Bye, or nil if we did and the link was
	// drained. Otherwise it is ErrLost, ErrSlow, the error of a malformed frame, or the socket's error.
	Down(l *Link, why error)
}
