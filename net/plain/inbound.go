package plain

import (
	"errors"
	"io"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

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
		return errors.New(accept.NotAllowed)
	}
	_ = c.conn.SetReadDeadline(time.Time{}) // before it can be hung up on, which sets a deadline
	client, err := c.plain.lines.join(c.conn, remote, remote.String(), "")
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
	refused, err := readLines(c.conn, mayRead, count, func(line string) {
		c.conn.AwaitOrder()
		if c.Join() == nil {
			count(0)
			lines.onLine(c.client, line)
		}
	})
	if refused != "" {
		lines.refuse(remote, refused)
	}
	c.Leave(err)
}

// objectStream is what a JSON program sends on a connection. The program may be silent for as long as it
// likes between two objects, but not inside one.
type objectStream struct {
	conn    *accept.Conn
	objects *wire.ObjectReader
}

// Read implements io.Reader.
func (s *objectStream) Read(b []byte) (int, error) {
	var until time.Time
	if s.objects.Partial() {
		until = time.Now().Add(objectWithin)
	}
	_ = s.conn.SetReadDeadline(until)
	return s.conn.Read(b)
}

// serveObjects handles the objects of a connection until it ends.
func (j *jsonPeers) serveObjects(conn *accept.Conn) {
	remote := conn.RemoteAddrPort()
	s := &objectStream{conn: conn}
	s.objects = wire.NewObjectReader(s)
	for bad := 0; bad < maxBad; {
		object, err := s.objects.Next()
		if err != nil {
			switch {
			case errors.Is(err, wire.ErrObjectSize), errors.Is(err, wire.ErrNoObject):
				j.refuse(remote, err.Error())
			case errors.Is(err, io.ErrUnexpectedEOF):
				j.refuse(remote, "half a JSON object")
			}
			return
		}
		if !j.cfg.Allowed(remote.Addr()) {
			j.refuse(remote, accept.NotAllowed)
			return
		}
		m, err := wire.DecodeSeed(object)
		if err != nil {
			j.cfg.Log.Debug("object refused", "from", remote, "error", err)
			j.refuse(remote, wire.ErrSeedForm.Error())
			bad++
			continue
		}
		conn.AwaitOrder()
		j.handleObject(conn, remote, m)
	}
}

// handleObject takes one object that came over TCP from remote.
func (j *jsonPeers) handleObject(conn *accept.Conn, remote netip.AddrPort, m wire.SeedMessage) {
	addr := remote.Addr()
	j.markReachable(addr, senderID(m))
	switch m := m.(type) {
	case wire.SeedChat:
		j.handleChat(remote, m, m.Signed())
	case wire.SignedChat:
		j.handleChat(remote, wire.SeedChat{
			FromID: m.SignerID, FromName: m.SignerName, Content: m.Message, Timestamp: m.Timestamp,
			Signature: m.Signature, PublicKey: m.PublicKey,
		}, true)
	case wire.Heartbeat:
		j.markAlive(addr, string(m), "")
	case wire.IdentityAnnouncement:
		j.markAlive(addr, m.PeerID, m.Name) // that it is there; anyone could claim the key
	case wire.Exit:
		j.onExit(addr, string(m))
	case wire.Discovery:
		j.answerDiscovery(conn, remote, m)
	case wire.Upgrade:
		j.reportVote(addr, m.Tag)
	case wire.Unknown:
		j.refuse(remote, "a form that is not known")
	}
}

// senderID returns the id that an object names as its sender's, or "".
func senderID(m wire.SeedMessage) string {
	switch m := m.(type) {
	case wire.SeedChat:
		return m.FromID
	case wire.SignedChat:
		return m.SignerID
	case wire.Heartbeat:
		return string(m)
	case wire.IdentityAnnouncement:
		return m.PeerID
	}
	return "" // a Discovery registers its sender
}

// handleChat passes on a JSON program's message, which is shown whatever id and time it claims.
func (j *jsonPeers) handleChat(remote netip.AddrPort, m wire.SeedChat, signed bool) {
	state := event.Unsigned
	if signed {
		if m.Verify() != nil {
			j.refuse(remote, wire.ErrSeedSignature.Error())
			return
		}
		state = event.SeedSigned
	}
	if m.Content == "" || j.lines.dropIfMuted(remote.Addr().String(), nil) {
		return
	}
	id, name := wire.TruncateUTF8(m.FromID, maxID), wire.TruncateUTF8(m.FromName, maxName)
	if j.isDisconnected(id) {
		j.refuse(remote, errDisconnected)
		return
	}
	j.markAlive(remote.Addr(), id, name)
	if name == "" {
		name = remote.Addr().String()
	}
	j.noteWriter(remote, id, name)
	now := time.Now()
	when := now
	if m.Timestamp > 0 && m.Timestamp < 1<<40 {
		when = time.Unix(int64(m.Timestamp), 0)
	}
	for text := range chunks(m.Content, maxText, utf8.RuneLen) {
		_ = j.WaitSpace(j.group.Context()) // a peer that sends much waits for those that receive it
		j.cfg.Handler.Said(event.Line{
			ID: uuid.NewString(), FromID: id, FromName: name, Text: text,
			Time: when, Arrived: now, Signature: state, Kind: event.KindJSON,
		})
		j.lines.writeAll(nil, name, text, heldOut)
	}
}

// reportVote reports once that a program's vote means nothing here.
func (j *jsonPeers) reportVote(addr netip.Addr, tag string) {
	j.mu.Lock()
	key := addr.String() + " " + tag
	_, again := j.informed[key]
	again = again || len(j.informed) >= maxRemembered
	if !again {
		j.informed[key] = struct{}{}
	}
	j.mu.Unlock()
	if !again {
		j.cfg.Handler.Info(addr.String(), "sent "+tag+": a vote of its own program, which counts in none here")
	}
}
