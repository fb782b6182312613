package mesh

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// The mesh is the link.Handler of its links. What isn't about which link there is, it passes on.

// Record passes on.
func (m *Mesh) Record(l *link.Link, r *record.Record) { m.cfg.Handler.Record(l, r) }

// Records passes on.
func (m *Mesh) Records(l *link.Link, w wire.Records, rs []*record.Record) {
	m.cfg.Handler.Records(l, w, rs)
}

// Message passes on.
func (m *Mesh) Message(l *link.Link, w wire.Message) { m.cfg.Handler.Message(l, w) }

// Frontier passes on.
func (m *Mesh) Frontier(l *link.Link, hashes map[string]string) { m.cfg.Handler.Frontier(l, hashes) }

// Refused passes on.
func (m *Mesh) Refused(l *link.Link, reason string) { m.cfg.Handler.Refused(l, reason) }

// Drained passes on.
func (m *Mesh) Drained(l *link.Link) { m.cfg.Handler.Drained(l) }

// State passes on.
func (m *Mesh) State(l *link.Link, late bool) { m.cfg.Handler.State(l, late) }
