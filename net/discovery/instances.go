package discovery

import (
	"time"

	"chat.lan/p2pchat/net/wire"
)

// instance is one run of a program that was heard.
type instance struct {
	id    string
	heard time.Time
	left  bool // said goodbye
	mine  bool // has our own key: a copied profile, not somebody else
}

// table remembers the instances that were heard, maxInstances of them.
type table map[string]*instance

// name is what tells one run of a program from another. The seed's programs have no inst: their id,
// drawn anew at each start, does.
func name(d *wire.Discovery) string {
	if d.Inst == "" {
		return "id/" + d.ID
	}
	if d.Key == nil {
		return "inst/" + d.Inst
	}
	return "inst/" + d.Inst + "/" + d.Key.String()
}

// note enters an announcement and reports whether its instance is new.
func (t table) note(now time.Time, d *wire.Discovery, mine bool) bool {
	n := name(d)
	known := t[n]
	if known == nil {
		if len(t) >= maxInstances {
			t.evict()
		}
		t[n] = &instance{id: d.ID, heard: now, mine: mine}
		return true
	}
	known.heard, known.left = now, false
	return false
}

// leave notes a goodbye. An unknown instance that leaves is not worth a place.
func (t table) leave(d *wire.Discovery) {
	if known := t[name(d)]; known != nil {
		known.left = true
	}
}

// evict removes the instance that was not heard of for longest.
func (t table) evict() {
	var oldest string
	for n, i := range t {
		if oldest == "" || i.heard.Before(t[oldest].heard) {
			oldest = n
		}
	}
	delete(t, oldest)
}

// others counts the peers that were heard lately and didn't leave. One that restarted counts once.
func (t table) others(now time.Time) int {
	ids := make(map[string]struct{})
	for _, i := range t {
		if !i.left && !i.mine && now.Sub(i.heard) < otherFor {
			ids[i.id] = struct{}{}
		}
	}
	return len(ids)
}
