package discovery

import (
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// instance is one run of a program, known from its announcements.
type instance struct {
	id    string
	heard time.Time
	left  bool // has sent Goodbye
	mine  bool // has our own key: a copied profile, no other peer
}

// instanceTable holds at most maxInstances instances, by instanceKey.
type instanceTable map[string]*instance

// instanceKey returns what distinguishes one run of a program from another. The seed's programs send no
// inst; their id, which is new at each start, takes its place.
func instanceKey(d *wire.Discovery) string {
	if d.Inst == "" {
		return "id/" + d.ID
	}
	if d.Key == nil {
		return "inst/" + d.Inst
	}
	return "inst/" + d.Inst + "/" + d.Key.String()
}

// note records an announcement and reports whether its instance is new.
func (t instanceTable) note(now time.Time, d *wire.Discovery, mine bool) bool {
	n := instanceKey(d)
	known := t[n]
	if known == nil {
		if len(t) >= maxInstances { // the one silent for longest goes
			byTime := func(a, b string) int { return t[a].heard.Compare(t[b].heard) }
			delete(t, slices.MinFunc(slices.Collect(maps.Keys(t)), byTime))
		}
		t[n] = &instance{id: d.ID, heard: now, mine: mine}
		return true
	}
	known.heard, known.left = now, false
	return false
}

// leave records a goodbye. It doesn't add an unknown instance.
func (t instanceTable) leave(d *wire.Discovery) {
	if known := t[instanceKey(d)]; known != nil {
		known.left = true
	}
}

// countOthers counts the peers that were heard lately and didn't leave. A restarted peer counts once.
func (t instanceTable) countOthers(now time.Time) int {
	ids := make(map[string]struct{})
	for _, i := range t {
		if !i.left && !i.mine && now.Sub(i.heard) < otherFor {
			ids[i.id] = struct{}{}
		}
	}
	return len(ids)
}
