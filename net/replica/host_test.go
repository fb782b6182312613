package replica

import (
	"context"
	"slices"
	"sync"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/standing"
)

// testHost is the process around one replica. It records what the replica asks of it.
type testHost struct {
	m    *member
	self identity.Key

	mu struct {
		sync.Mutex
		name     string
		peers    map[identity.Key]event.Peer
		flushing bool // a call of Flush is scheduled
		plain    int  // peers that speak in cleartext

		names     []string // taken from records
		relayed   []event.Line
		cleartext []event.Line
		refused   []string
		levels    map[identity.Key]standing.Level // Heard if absent
		sources   map[identity.Key]standing.Source
		over      []identity.Key // calls of NoteOver

		known   int // calls of PolicyKnown
		changes int // of the policy
	}
}

func (h *testHost) Peer(key identity.Key) (event.Peer, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, known := h.mu.peers[key]
	return p, known
}

func (h *testHost) TakeName(r *record.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.names = append(h.mu.names, r.Name())
}

func (h *testHost) RelayMessage(l event.Line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.relayed = append(h.mu.relayed, l)
}

func (h *testHost) SendCleartext(l event.Line) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.cleartext = append(h.mu.cleartext, l)
	return h.mu.plain
}

func (h *testHost) CountPlainPeers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mu.plain
}

func (h *testHost) PolicyKnown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.known++
}

func (h *testHost) PolicyChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.changes++
}

func (h *testHost) Refuse(_ identity.Key, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.refused = append(h.mu.refused, reason)
}

func (h *testHost) FlowOf(author, _ identity.Key) (fair.Flow, int) { return fair.Flow{Key: author}, 0 }

func (h *testHost) ScheduleFlush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.flushing {
		return
	}
	h.mu.flushing = true
	h.m.group.Go("test/flush", func(ctx context.Context) {
		group.Sleep(ctx, AckEvery, nil)
		h.mu.Lock()
		h.mu.flushing = false
		h.mu.Unlock()
		h.m.Flush()
	})
}

// refusals returns the reasons of all refusals so far.
func (h *testHost) refusals() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.mu.refused)
}
