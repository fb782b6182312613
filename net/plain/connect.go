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

	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Errors of ConnectLine and ConnectJSON, through Handler.Trouble.
var (
	ErrNotAllowed = errors.New("plain peers are not allowed there: start with --plain-peers all")
	ErrNative     = errors.New("that peer speaks native: /connect host:port, without line:// or json://")
	ErrSelf       = errors.New("that is yourself: name another address")
	ErrEnded      = errors.New("the other side ended the connection")
)

// ConnectLine keeps a connection to a program that speaks lines, at host:port, which is a line client then.
// It is dialled again for ever; Handler.Trouble reports what is in the way. ConnectLine doesn't block, and a
// second call for an address does nothing.
func (p *Plain) ConnectLine(addr string) { p.connect("line", addr, p.lines.connect) }

// ConnectJSON introduces us to a seed program at host:port, again and again, so that both know each
// other without beacons. It doesn't block.
func (p *Plain) ConnectJSON(addr string) { p.connect("json", addr, p.json.connect) }

// connect calls once for ever, with pauses that grow while it fails. once returns how long to wait after
// a success.
func (p *Plain) connect(scheme, addr string, once func(ctx context.Context, addr string) (time.Duration, error)) {
	key := scheme + "://" + addr
	p.json.allowAgain(addr)
	p.named.Lock()
	defer p.named.Unlock()
	if p.named.cancel[key] != nil {
		return
	}
	ctx, cancel := context.WithCancel(p.group.Context())
	p.named.cancel[key] = cancel
	p.group.Go("plain/connect", func(context.Context) {
		defer cancel()
		reported := ""
		for wait := redialFirst; !p.leaving.Load(); {
			next, err := once(ctx, addr)
			if p.leaving.Load() || ctx.Err() != nil {
				return
			}
			if err == nil {
				reported, wait = "", redialFirst
			} else {
				if key := accept.ErrKey(err); reported != key {
					reported = key
					p.cfg.Handler.Trouble(addr, err)
				}
				next = wait*3/4 + rand.N(wait/2)
				wait = min(2*wait, redialMost)
			}
			if !group.Sleep(ctx, next, nil) {
				return
			}
		}
	})
}

// CancelConnect ends what ConnectLine and ConnectJSON do for an address, which a later call begins again.
// It reports whether there was anything to end. A JSON peer is forgotten when nothing comes from it.
func (p *Plain) CancelConnect(addr string) bool {
	p.named.Lock()
	defer p.named.Unlock()
	found := false
	for _, scheme := range []string{"line", "json"} {
		if cancel := p.named.cancel[scheme+"://"+addr]; cancel != nil {
			delete(p.named.cancel, scheme+"://"+addr)
			cancel()
			found = true
		}
	}
	return found
}

// dialNamed dials an address that the user named, if cleartext may be sent there. The connection is closed
// when ctx ends, or by done.
func (s *shared) dialNamed(ctx context.Context, addr string) (conn net.Conn, done func(), err error) {
	if why := s.cfg.MuteReason(); why != "" {
		return nil, nil, errors.New(why)
	}
	dialing, cancel := context.WithTimeout(ctx, deliverFor)
	defer cancel()
	if conn, err = s.cfg.Dial(dialing, "tcp", addr); err != nil {
		return nil, nil, err
	}
	switch remote := accept.AddrPort(conn.RemoteAddr()); {
	case remote.Addr() == accept.AddrPort(conn.LocalAddr()).Addr() && int(remote.Port()) == s.cfg.Self().Port:
		err = ErrSelf // each message would go round for ever
	case !s.cfg.Allowed(remote.Addr()):
		err = ErrNotAllowed
	case s.cfg.IsNative("", remote):
		err = ErrNative
	default:
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		return conn, func() { stop(); conn.Close() }, nil
	}
	conn.Close()
	return nil, nil, err
}

// connect keeps one connection to a program that speaks lines, until it ends.
func (l *lineClients) connect(ctx context.Context, addr string) (time.Duration, error) {
	conn, done, err := l.dialNamed(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer done()
	c, err := l.join(conn, accept.AddrPort(conn.RemoteAddr()), addr, addr)
	if err != nil {
		return 0, err
	}
	l.cfg.Reached("line://" + addr)
	began := time.Now()
	refused, err := readLines(conn, func() bool { return l.cfg.Allowed(c.remote.Addr()) },
		func(n int) { l.countReceived(c, n) }, func(line string) { l.onLine(c, line) })
	l.remove(c, err)
	switch {
	case refused != "":
		err = errors.New("it doesn't speak lines: it sent " + refused)
	case err == nil:
		return 0, ErrNotAllowed
	}
	switch {
	case time.Since(began) >= redialMost/2:
		return redialFirst, nil
	case errors.Is(err, io.EOF): // don't hammer a program that hangs up
		return 0, ErrEnded
	}
	return 0, fmt.Errorf("the connection broke: %w", err)
}

// connect introduces us once, and takes the Discovery that may come in return.
func (j *jsonPeers) connect(ctx context.Context, addr string) (time.Duration, error) {
	conn, done, err := j.dialNamed(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer done()
	object, err := j.introduction(conn.LocalAddr())
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
	remote := accept.AddrPort(conn.RemoteAddr())
	d, answered := readDiscovery(conn)
	j.mu.Lock()
	pe := j.byAddr[remote]
	j.mu.Unlock()
	switch {
	case answered:
		d.Port = remote.Port() // we know where it listens
		if pe = j.register(remote.Addr(), d, byName); pe == nil && j.cfg.IsNative(d.ID, remote) {
			return 0, ErrNative
		}
	case pe == nil:
		d = wire.Discovery{ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte("json://"+addr)).String(), Name: addr, Port: remote.Port()}
		pe = j.register(remote.Addr(), d, byGuess)
	}
	if pe == nil {
		return introduceEvery, nil
	}
	j.change(pe, func() {
		now := time.Now()
		pe.reachable, pe.unlike, pe.introducedAt, pe.named = true, false, now, addr
		pe.markAliveLocked(now)
	})
	j.cfg.Reached("json://" + addr)
	return introduceEvery, nil
}

// readDiscovery returns the first Discovery that comes on a connection.
func readDiscovery(r io.Reader) (wire.Discovery, bool) {
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
