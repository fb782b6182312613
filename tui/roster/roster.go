// Package roster gives each peer the label that it has on screen and in line mode, and finds
// peers by what a person types.
//
// A peer is its key; a name is only a label (DESIGN.md §2). Where two peers' names are the same,
// or look the same, both are shown with the first four hex digits of their keys: bob·91c0 and
// bob·04fe, more digits where four are not enough. Once a name has clashed, its members keep
// their suffixes for the rest of the run, also when only one is left: a label that changes back
// would make an old line look like somebody else's.
package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	minDigits = 4    // of the key in a suffix, and for finding by key
	maxGone   = 4096 // peers that were removed and still have a label for their old lines
)

// Roster knows every peer's label. Its zero value is empty and ready, and is not to be copied once
// used. It is safe for concurrent use: the screen draws labels while a command looks for a name.
//
// The reader's own key belongs in it too, so that a peer of the same name gets a suffix.
type Roster struct {
	mu     sync.RWMutex // guards all below
	peers  map[string]*entry
	byLook map[string]*lookalikes
	nGone  int // entries with gone set
	seq    int // of Remove, counted
}

// entry is one peer.
type entry struct {
	id     string
	name   sanitize.SafeText
	look   string // what its name looks like: the key in Roster.byLook
	tag    string // hex: the key, or a stand-in for it
	digits int    // of tag that tell it from its namesakes
	gone   int    // the step at which it was removed, 0 if it is here
}

// lookalikes is all names that look the same.
type lookalikes struct {
	members []*entry
	clashed bool // and stays so
}

// Set notes that the peer id, a key in hex or any other id that is unique, has this name, as it
// came from the network. It may be called again with the same name, at little cost.
func (r *Roster) Set(id, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	seems := Skeleton(label.String())
	if seems != e.look {
		r.leave(e)
		r.join(e, seems)
	}
	e.name = label
}

// Remove notes that the peer is no longer here. Its old lines keep their label, and somebody who
// takes its name gets a suffix; Complete no longer offers it, and Find only where no peer that
// is here fits.
func (r *Roster) Remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.peers[id]
	if e == nil || e.gone != 0 {
		return
	}
	r.seq++
	e.gone = r.seq
	r.nGone++
	r.forget()
}

// forget drops the peers that left longest ago, and what nobody needs any more.
func (r *Roster) forget() {
	if r.nGone <= maxGone {
		return
	}
	// Half at once, so that a crowd that comes and goes costs little each.
	var left []*entry
	for _, e := range r.peers {
		if e.gone != 0 {
			left = append(left, e)
		}
	}
	slices.SortFunc(left, func(x, y *entry) int { return x.gone - y.gone })
	for _, e := range left[:len(left)/2] {
		r.leave(e)
		delete(r.peers, e.id)
	}
	r.nGone = len(left) - len(left)/2
	for seems, l := range r.byLook { // names that clashed once and that nobody has any more
		if len(l.members) == 0 {
			delete(r.byLook, seems)
		}
	}
}

// join makes e a bearer of what its name looks like, and settles the suffixes.
func (r *Roster) join(e *entry, seems string) {
	l := r.byLook[seems]
	if l == nil {
		l = &lookalikes{clashed: reserved(seems)}
		r.byLook[seems] = l
	}
	for _, o := range l.members {
		n := minDigits
		for n < len(e.tag) && n < len(o.tag) && e.tag[:n] == o.tag[:n] {
			n++
		}
		e.digits, o.digits = max(e.digits, n), max(o.digits, n)
		l.clashed = true
	}
	l.members = append(l.members, e)
	e.look = seems
}

// leave takes e from the members of its name. What clashed is kept, for whoever takes the name.
func (r *Roster) leave(e *entry) {
	l := r.byLook[e.look]
	if l == nil {
		return
	}
	l.members = slices.DeleteFunc(l.members, func(o *entry) bool { return o == e })
	if len(l.members) == 0 && !l.clashed {
		delete(r.byLook, e.look)
	}
	e.look = ""
}

// ID returns what the roster calls a participant: the key in hex, so that suffixes are those of the key.
// A peer in cleartext has no key and goes by its id.
func ID(key identity.Key, id string) string {
	if key.IsZero() {
		return id
	}
	return key.String()
}

// Label is how the peer is shown, with a suffix if its name needs one. A peer that was never Set
// is shown as a nameless one.
func (r *Roster) Label(id string) sanitize.SafeText {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.label(id)
}

// label is Label, with mu held.
func (r *Roster) label(id string) sanitize.SafeText {
	name, suffix := r.parts(id)
	if suffix.IsEmpty() {
		return name // the usual case, and called for every row that is drawn
	}
	return sanitize.Concat(name, suffix)
}

// LabelWithin is Label in at most that many cells: the name is cut, the suffix is not, unless
// there is no room even for it. Tail stands for what was cut.
func (r *Roster) LabelWithin(id string, cells int, tail sanitize.SafeText) sanitize.SafeText {
	r.mu.RLock()
	defer r.mu.RUnlock()
	name, suffix := r.parts(id)
	if cells <= suffix.Width() {
		return sanitize.Concat(name, suffix).Cut(cells, tail)
	}
	return sanitize.Concat(name.Cut(cells-suffix.Width(), tail), suffix)
}

// parts returns the name and the suffix, empty where none is needed.
func (r *Roster) parts(id string) (name, suffix sanitize.SafeText) {
	e := r.peers[id]
	if e == nil {
		return sanitize.Trusted(sanitize.Nameless), sanitize.Line("·" + tagOf(id)[:minDigits])
	}
	if l := r.byLook[e.look]; l != nil && l.clashed {
		return e.name, sanitize.Line("·" + e.tag[:e.digits])
	}
	return e.name, sanitize.SafeText{}
}

// reserved tells whether a name looks like one that the program itself uses: the reader's own
// lines stand under "you", and "?" is anybody who has no name. Peers so called always bear a
// suffix.
func reserved(seems string) bool {
	return seems == Skeleton("you") || seems == Skeleton(sanitize.Nameless)
}

// tagOf is the hex that suffixes are taken from: a key or a UUID itself, without its hyphens; for
// other ids (an address) their hash, whose first digits differ where those of addresses in one
// network don't. A hash follows the former too, so that no two ids have one tag.
func tagOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	hash := hex.EncodeToString(sum[:])
	own := strings.ToLower(strings.ReplaceAll(id, "-", ""))
	if len(own) < 2*minDigits || !isHex(own) {
		return hash
	}
	return own + hash
}

// isHex tells whether s, in lower case, is nothing but hex digits.
func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}
