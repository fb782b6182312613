package replica

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
)

func (h *testHost) Standing(author, via identity.Key) (standing.Level, standing.Source) {
	h.mu.Lock()
	defer h.mu.Unlock()
	source, own := h.mu.sources[author]
	if !own {
		source = h.mu.sources[via]
	}
	if author == h.self {
		return standing.Known, source
	}
	return h.mu.levels[author], source
}

func (h *testHost) NoteOver(author identity.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.over = append(h.mu.over, author)
}

func (h *testHost) ListMet() (out []identity.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, level := range h.mu.levels {
		if level >= standing.Met {
			out = append(out, key)
		}
	}
	return out
}

// rank sets the standing of a key with a member.
func (m *member) rank(key identity.Key, level standing.Level, source standing.Source) {
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	if m.host.mu.levels == nil {
		m.host.mu.levels, m.host.mu.sources = map[identity.Key]standing.Level{}, map[identity.Key]standing.Source{}
	}
	m.host.mu.levels[key], m.host.mu.sources[key] = level, source
}
