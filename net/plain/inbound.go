package plain

import (
	"errors"
	"time"

	"chat.lan/p2pchat/net/accept"
)

var errNotAllowed = errors.New(accept.NotAllowed)

// inboundConn is one connection that came in, while it is served. It implements accept.Client.
type inboundConn struct {
	plain  *Plain
	conn   *accept.Conn
	client *lineClient // nil unless it has joined
}

// Accept returns what serves a connection that came in.
func (p *Plain) Accept(conn *accept.Conn) accept.Client { return &inboundConn{plain: p, conn: conn} }

// Join implements accept.Client.
func (c *inboundConn) Join() error {
	if c.client != nil {
		return nil
	}
	remote := c.conn.RemoteAddrPort()
	if !c.plain.cfg.Allowed(remote.Addr()) {
		return errNotAllowed
	}
	_ = c.conn.SetReadDeadline(time.Time{}) // before it can be hung up on, which sets a deadline
	client, err := c.plain.lines.join(c.conn.Conn, remote, remote.String(), "")
	c.client = client
	return err
}

// Leave implements accept.Client.
func (c *inboundConn) Leave(err error) {
	if c.client != nil {
		c.plain.lines.remove(c.client, err)
	}
}

// ServeObjects implements accept.Client.
func (c *inboundConn) ServeObjects() { c.plain.json.serveObjects(c.conn) }

// ServeLines implements accept.Client. The connection joins with its first line, unless it did by silence.
func (c *inboundConn) ServeLines() {
	lines, remote := c.plain.lines, c.conn.RemoteAddrPort()
	uncounted := 0
	mayRead := func() bool { return c.client == nil || lines.cfg.Allowed(remote.Addr()) }
	count := func(n int) {
		uncounted += n
		if c.client != nil {
			lines.countReceived(c.client, uncounted)
			uncounted = 0
		}
	}
	binary, err := readLines(c.conn, mayRead, count, func(line string) {
		c.conn.AwaitOrder()
		if c.Join() == nil {
			count(0)
			lines.onLine(c.client, line)
		}
	})
	if binary {
		lines.refuse(remote, accept.NotText)
	}
	c.Leave(err)
}
