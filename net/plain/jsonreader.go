package plain

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// paced is a JSON program's stream. It may be silent for as long as it likes between two objects, but
// not inside one.
type paced struct {
	v       *visit
	r       io.Reader
	objects *wire.ObjectReader
	told    bool // of an object
}

// Read reads from the connection.
func (s *paced) Read(b []byte) (int, error) {
	var until time.Time
	if s.objects.Partial() {
		until = time.Now().Add(objectWithin)
	}
	if s.told {
		s.v.turn.end() // all that came at once was told of
	}
	_ = s.v.conn.SetReadDeadline(until)
	n, err := s.r.Read(b)
	if n > 0 {
		s.v.seat.spoke()
	}
	return n, err
}

// serveObjects takes the objects of a connection, which r reads from, until it ends.
func (p *Plain) serveObjects(v *visit, r io.Reader) {
	conn, remote := v.conn, v.remote
	s := &paced{v: v, r: r}
	s.objects = wire.NewObjectReader(s)
	for bad := 0; bad < maxBad; {
		object, err := s.objects.Next()
		if err != nil {
			switch {
			case errors.Is(err, wire.ErrObjectSize), errors.Is(err, wire.ErrNoObject):
				p.refuse(remote, err.Error())
			case errors.Is(err, io.ErrUnexpectedEOF):
				p.refuse(remote, "half a JSON object")
			}
			return
		}
		if !p.cfg.Allowed(remote.Addr()) {
			p.refuse(remote, errNotAllowed.Error())
			return
		}
		m, err := wire.DecodeSeed(object)
		if err != nil {
			p.log.Debug("object refused", "from", remote, "error", err)
			p.refuse(remote, wire.ErrSeedForm.Error())
			bad++
			continue
		}
		v.turn.wait()
		p.receive(conn, remote, m)
		s.told = true
	}
}

// receive takes one object that came over TCP from remote.
func (p *Plain) receive(conn net.Conn, remote netip.AddrPort, m wire.SeedMessage) {
	addr := remote.Addr()
	p.vouch(addr)
	switch m := m.(type) {
	case wire.SeedChat:
		state := event.Unsigned
		if m.Signed() {
			if m.Verify() != nil {
				p.refuse(remote, wire.ErrSeedSignature.Error())
				return
			}
			state = event.SeedSigned
		}
		p.said(remote, m.FromID, m.FromName, m.Content, m.Timestamp, state)
	case wire.SignedChat:
		if m.Verify() != nil {
			p.refuse(remote, wire.ErrSeedSignature.Error())
			return
		}
		p.said(remote, m.SignerID, m.SignerName, m.Message, m.Timestamp, event.SeedSigned)
	case wire.Heartbeat:
		p.touch(addr, string(m), "")
	case wire.IdentityAnnouncement:
		p.touch(addr, m.PeerID, m.Name) // that it is there; the key would be anybody's
	case wire.Exit:
		p.exit(addr, string(m))
	case wire.Discovery:
		p.greeted(conn, remote, m)
	case wire.Upgrade:
		p.inform(addr, m.Tag)
	case wire.Unknown:
		p.refuse(remote, "a form that is not known")
	}
}

// said is a line of a JSON program, shown whatever id and time it claims.
func (p *Plain) said(remote netip.AddrPort, id, name, content string, at wire.Seconds, state event.Signature) {
	if content == "" || p.hush(remote.Addr().String(), nil) {
		return
	}
	id, name = clip(id, maxID), clip(name, maxName)
	if p.isDropped(id) {
		p.refuse(remote, errDropped)
		return
	}
	p.touch(remote.Addr(), id, name)
	if name == "" {
		name = remote.Addr().String()
	}
	now := time.Now()
	when := now
	if at > 0 && at < 1<<40 {
		when = time.Unix(int64(at), 0)
	}
	for piece := range pieces(content, maxText) {
		_ = p.WaitSpace(p.group.Context()) // whoever says much waits for those who listen
		p.cfg.Handler.Said(event.Line{
			ID: uuid.NewString(), FromID: id, FromName: name, Text: piece,
			Time: when, Arrived: now, Signature: state, Kind: event.KindJSON,
		})
		p.write(nil, name, piece)
	}
}

// inform says once that a program's vote means nothing here.
func (p *Plain) inform(addr netip.Addr, tag string) {
	p.mu.Lock()
	key := addr.String() + " " + tag
	_, again := p.told[key]
	again = again || len(p.told) >= maxTold
	if !again {
		p.told[key] = struct{}{}
	}
	p.mu.Unlock()
	if !again {
		p.cfg.Handler.Info(addr.String(), "sent "+tag+": a vote of its own program, which counts in none here")
	}
}

// clip shortens a string to n bytes at most, between two characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:boundary([]byte(s), n)]
}
