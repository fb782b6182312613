package standing

import "chat.lan/p2pchat/crypto/identity"

// List returns the keys of at least some level that were ever linked, as far as they are remembered.
func (r *Registry) List(least Level) []identity.Key {
	r.mu.Lock()
	keys := make([]identity.Key, 0, len(r.keys))
	for key := range r.keys {
		keys = append(keys, key)
	}
	r.mu.Unlock()
	out := keys[:0]
	for _, key := range keys {
		if r.Level(key) >= least {
			out = append(out, key)
		}
	}
	return out
}
