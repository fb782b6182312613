package plain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/google/uuid"

	"chat.lan/p2pchat/net/wire"
)

// Errors of ConnectLine and ConnectJSON, through Handler.Trouble.
var (
	ErrNotAllowed = errors.New("plain peers are not allowed there: start with --plain-peers all")
	ErrNative     = errors.New("that peer speaks native: /connect host:port, without line:// or json://")
	ErrSelf       = errors.New("that is yourself: name another address")
	ErrEnded      = errors.New("the other side ended the connection")
)

// ConnectLine keeps a connection to a program that speaks lines, at host:port: what it says is a guest's
// line, and the room is written to it. It is dialled again for ever; Handler.Trouble tells why it can't
// be. It doesn't block, and a second call for an address does nothing.
func (p *Plain) ConnectLine(addr string) { p.connect("line", addr, p.visitLine) }

// ConnectJSON introduces us to a seed program at host:port, again and again, so that both know each
// other without beacons. It doesn't block.
func (p *Plain) ConnectJSON(addr string) { p.connect("json", addr, p.meet) }

// connect calls once for ever, with pauses that grow while it fails. once returns how long to wait after
// a success.
func (p *Plain) connect(scheme, addr string, once func(ctx context.Context, addr string) (time.Duration, error)) {
	key := scheme + "://" + addr
	ctx, cancel := context.WithCancel(p.group.Context())
	p.mu.Lock()
	p.restore(addr)
	_, again := p.naming[key]
	if !again {
		p.naming[key] = cancel
	}
	p.mu.Unlock()
	if again {
		cancel()
		return
	}
	p.group.Go("plain/connect", func(context.Context) {
		defer cancel()
		told := ""
		for wait := redialFirst; !p.left(); {
			next, err := once(ctx, addr)
			if p.left() || ctx.Err() != nil {
				return
			}
			if err == nil {
				told, wait = "", redialFirst
			} else {
				if why := reason(err); told != why {
					told = why
					p.cfg.Handler.Trouble(addr, err)
				}
				next = wait*3/4 + rand.N(wait/2)
				wait = min(2*wait, redialMost)
			}
			if !pause(ctx, next) {
				return
			}
		}
	})
}

// CancelConnect ends what ConnectLine and ConnectJSON do for an address, which a later call begins again.
// It reports whether there was anything to end. A JSON peer is forgotten when nothing is heard of it.
func (p *Plain) CancelConnect(addr string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := false
	for _, scheme := range []string{"line", "json"} {
		if cancel := p.naming[scheme+"://"+addr]; cancel != nil {
			delete(p.naming, scheme+"://"+addr)
			cancel()
			found = true
		}
	}
	return found
}

// reason is an error without the ports of its connection, which differ each time.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

func (p *Plain) left() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leaving
}

// open dials an address that the user named, if it may be spoken to in clear. The connection is closed
// when ctx ends, or by done.
func (p *Plain) open(ctx context.Context, addr string) (conn net.Conn, done func(), err error) {
	if why := p.cfg.MuteReason(); why != "" {
		return nil, nil, errors.New(why)
	}
	dialing, cancel := context.WithTimeout(ctx, deliverFor)
	defer cancel()
	if conn, err = p.cfg.Dial(dialing, "tcp", addr); err != nil {
		return nil, nil, err
	}
	switch remote := addrOf(conn.RemoteAddr()); {
	case remote.Addr() == addrOf(conn.LocalAddr()).Addr() && int(remote.Port()) == p.cfg.Self().Port:
		err = ErrSelf // what is said would go round for ever
	case !p.cfg.Allowed(remote.Addr()):
		err = ErrNotAllowed
	case p.cfg.IsNative("", remote):
		err = ErrNative
	default:
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		return conn, func() { stop(); conn.Close() }, nil
	}
	conn.Close()
	return nil, nil, err
}

// visitLine is one connection to a program that speaks lines, until it ends.
func (p *Plain) visitLine(ctx context.Context, addr string) (time.Duration, error) {
	conn, done, err := p.open(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer done()
	g, err := p.join(conn, addrOf(conn.RemoteAddr()), addr, addr)
	if err != nil {
		return 0, err
	}
	p.cfg.Reached("line://" + addr)
	begun := time.Now()
	var s splitter
	say := func(line string, _ bool) { p.hear(g, line) }
	buf := make([]byte, maxLine)
	allowed := true
	for err == nil && !s.binary && allowed {
		var n int
		if n, err = conn.Read(buf); n > 0 {
			p.received(g, n)
			s.feed(buf[:n], say)
		}
		allowed = p.cfg.Allowed(g.remote.Addr())
	}
	s.end(say)
	p.part(g, err)
	switch {
	case s.binary:
		err = errors.New("it doesn't speak lines")
	case err == nil:
		return 0, ErrNotAllowed
	}
	if time.Since(begun) < redialMost/2 {
		// Don't hammer a program that hangs up.
		if errors.Is(err, io.EOF) {
			return 0, ErrEnded
		}
		return 0, fmt.Errorf("the connection broke: %w", err)
	}
	return redialFirst, nil
}

// meet introduces us once, and takes the Discovery that may come in return.
func (p *Plain) meet(ctx context.Context, addr string) (time.Duration, error) {
	conn, done, err := p.open(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer done()
	object, err := p.introduction(conn.LocalAddr())
	if err != nil {
		return 0, err
	}
	_ = conn.SetDeadline(time.Now().Add(answerWithin))
	if _, err := conn.Write(object); err != nil {
		return 0, fmt.Errorf("introduce: %w", err)
	}
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	remote := addrOf(conn.RemoteAddr())
	d, answered := answer(conn)
	p.mu.Lock()
	pe := p.peers[remote]
	p.mu.Unlock()
	switch {
	case answered:
		d.Port = remote.Port() // we know where it listens
		if pe = p.see(remote.Addr(), d, byName); pe == nil && p.cfg.IsNative(d.ID, remote) {
			return 0, ErrNative
		}
	case pe == nil:
		d = wire.Discovery{ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte("json://"+addr)).String(), Name: addr, Port: remote.Port()}
		pe = p.see(remote.Addr(), d, byGuess)
	}
	if pe == nil {
		return introduceEvery, nil
	}
	p.change(pe, func() {
		now := time.Now()
		pe.vouched, pe.introduced, pe.named = true, now, addr
		pe.alive(now)
	})
	p.cfg.Reached("json://" + addr)
	return introduceEvery, nil
}

// answer is the first Discovery that comes on a connection.
func answer(r io.Reader) (wire.Discovery, bool) {
	objects := wire.NewObjectReader(io.LimitReader(r, wire.MaxObject))
	for {
		object, err := objects.Next()
		if err != nil {
			return wire.Discovery{}, false
		}
		m, err := wire.DecodeSeed(object)
		if d, ok := m.(wire.Discovery); ok && err == nil {
			return d, true
		}
	}
}
