// Package roster gives each peer the label that it has on screen and in line mode, and finds
// peers by what a person types.
//
// A peer is its key; a name is only a label that anyone may take. Peers whose names are the same,
// or look the same, are shown with the first hex digits of their keys: bob·91c0 and bob·04fe.
// Four digits are the least; there are more where four are not enough. Once a name has clashed,
// all peers of that name keep their suffixes for the rest of the run, even the last of them.
// A label that changed back would make an old message look like somebody else's.
//
// Labels are in this file and lookalikes.go, which peers are here in presence.go, the search in find.go.
package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/lookalike"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	minDigits = 4    // fewest digits of a key in a suffix, and for finding by key
	maxGone   = 4096 // peers that were removed and still have a label for their old messages
)

// Roster knows every peer's label, and which peers are here. Its zero value is empty and ready;
// it must not be copied once used. It is safe for concurrent use: the screen draws labels while a
// command looks for a name.
//
// The local peer belongs in it too, so that a peer of the same name gets a suffix.
type Roster struct {
	mu     sync.RWMutex // guards all below
	peers  map[string]*entry
	byLook map[string]*lookalikes
	nGone  int // entries with gone set
	seq    int // counts calls of Remove

	self    string                 // the local peer's uuid
	present map[string]event.State // by uuid, of the peers that are here
	ignored map[string]bool        // by uuid
}

// entry is one peer.
type entry struct {
	id     string
	name   sanitize.SafeText
	look   string // what its name looks like: the key in Roster.byLook
	tag    string // hex: the key, or a stand-in for it
	digits int    // how many digits of tag set it apart from its namesakes
	gone   int    // Roster.seq when it was removed, 0 if it is here
}

// ID returns what the roster calls a participant: the key in hex, so that suffixes are those of the key.
// A peer in cleartext has no key and goes by its uuid.
func ID(key identity.Key, uuid string) string {
	if key.IsZero() {
		return uuid
	}
	return key.String()
}

// setLocked gives the peer id a name as it came from the network. The id is a key in hex or any other
// that is unique. Calling it again with the same name costs little.
func (r *Roster) setLocked(id, name string) {
	if r.peers == nil {
		r.peers, r.byLook = map[string]*entry{}, map[string]*lookalikes{}
	}
	e := r.peers[id]
	if e == nil {
		e = &entry{id: id, tag: tagOf(id), digits: minDigits}
		r.peers[id] = e
	}
	if e.gone != 0 {
		e.gone = 0
		r.nGone--
	}
	label := sanitize.Name(name)
	if e.look != "" && label == e.name {
		return
	}
	look := lookalike.Skeleton(label.String())
	if look != e.look {
		r.leaveLocked(e)
		r.joinLocked(e, look)
	}
	e.name = label
}

// Remove marks the peer as gone. Its old messages keep their label, and a peer that takes its name gets
// a suffix. Complete no longer offers it, and Find does only where no peer that is here fits.
func (r *Roster) Remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeLocked(id)
}

func (r *Roster) removeLocked(id string) {
	e := r.peers[id]
	if e == nil || e.gone != 0 {
		return
	}
	r.seq++
	e.gone = r.seq
	r.nGone++
	if r.nGone > maxGone {
		r.dropOldestLocked()
	}
}

// dropOldestLocked drops the half of the gone peers that left longest ago. Half at once, so that a crowd
// that comes and goes costs little for each peer.
func (r *Roster) dropOldestLocked() {
	var gone []*entry
	for _, e := range r.peers {
		if e.gone != 0 {
			gone = append(gone, e)
		}
	}
	slices.SortFunc(gone, func(x, y *entry) int { return x.gone - y.gone })
	for _, e := range gone[:len(gone)/2] {
		r.leaveLocked(e)
		delete(r.peers, e.id)
	}
	r.nGone = len(gone) - len(gone)/2
	for look, l := range r.byLook { // names that clashed once and are no longer taken
		if len(l.members) == 0 {
			delete(r.byLook, look)
		}
	}
}

// Label returns how the peer is shown, with a suffix if its name needs one. A peer that never had a name
// is shown as a nameless one.
func (r *Roster) Label(id string) sanitize.SafeText {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.labelLocked(id)
}

func (r *Roster) labelLocked(id string) sanitize.SafeText {
	name, suffix := r.partsLocked(id)
	if suffix.IsEmpty() {
		return name // the usual case, and called for every row that is drawn
	}
	return sanitize.Concat(name, suffix)
}

// LabelWithin returns the label in at most that many cells: the name is cut, the suffix only where even
// it has no room. Tail stands for what was cut.
func (r *Roster) LabelWithin(id string, cells int, tail sanitize.SafeText) sanitize.SafeText {
	r.mu.RLock()
	defer r.mu.RUnlock()
	name, suffix := r.partsLocked(id)
	if cells <= suffix.Width() {
		return sanitize.Concat(name, suffix).Cut(cells, tail)
	}
	return sanitize.Concat(name.Cut(cells-suffix.Width(), tail), suffix)
}

// partsLocked returns the name and the suffix, empty where none is needed.
func (r *Roster) partsLocked(id string) (name, suffix sanitize.SafeText) {
	e := r.peers[id]
	if e == nil {
		return sanitize.Trusted(sanitize.Nameless), sanitize.Line("·" + tagOf(id)[:minDigits])
	}
	if l := r.byLook[e.look]; l != nil && l.clashed {
		return e.name, sanitize.Line("·" + e.tag[:e.digits])
	}
	return e.name, sanitize.SafeText{}
}

// tagOf returns the hex that suffixes are taken from: a key or a UUID itself, without its hyphens.
// Other ids, such as addresses, give their hash, since addresses in one network begin alike.
// A hash follows the former too, so that no two ids have one tag.
func tagOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	hash := hex.EncodeToString(sum[:])
	own := strings.ToLower(strings.ReplaceAll(id, "-", ""))
	if len(own) < 2*minDigits || !isHex(own) {
		return hash
	}
	return own + hash
}

// isHex reports whether s, in lower case, is nothing but hex digits.
func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}
