// Package roster gives each peer the label that it has on screen and in line mode, and finds
// peers by what a person types.
//
// A peer is its key; a name is only a label (DESIGN.md §2). Where two peers' names are the same,
// or look the same, both are shown with the first four hex digits of their keys: bob·91c0 and
// bob·04fe, more digits where four are not enough. Once a name has clashed, its bearers keep
// their suffixes for the rest of the run, also when only one is left: a label that changes back
// would make an old line look like somebody else's.
package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"chat.lan/p2pchat/tui/sanitize"
)

const (
	minDigits = 4    // of the key in a suffix, and for finding by key
	maxGone   = 4096 // peers that were removed and still have a label for their old lines
)

// Book knows every peer's label. Its zero value is empty and ready, and is not to be copied once
// used. It is safe for concurrent use: the screen draws labels while a command looks for a name.
//
// The reader's own key belongs in it too, so that a peer of the same name gets a suffix.
type Book struct {
	mu    sync.RWMutex // guards all below
	peers map[string]*entry
	looks map[string]*look
	nGone int // entries with gone set
	steps int // of Remove, counted
}

// entry is one peer.
type entry struct {
	id     string
	name   sanitize.SafeText
	look   string // what its name looks like: the key in Book.looks
	tag    string // hex: the key, or a stand-in for it
	digits int    // of tag that tell it from its namesakes
	gone   int    // the step at which it was removed, 0 if it is here
}

// look is all names that look the same.
type look struct {
	bearers []*entry
	clashed bool // and stays so
}

// Set notes that the peer id, a key in hex or any other id that is unique, has this name, as it
// came from the network. It may be called again with the same name, at little cost.
func (b *Book) Set(id, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.peers == nil {
		b.peers, b.looks = map[string]*entry{}, map[string]*look{}
	}
	e := b.peers[id]
	if e == nil {
		e = &entry{id: id, tag: tagOf(id), digits: minDigits}
		b.peers[id] = e
	}
	if e.gone != 0 {
		e.gone = 0
		b.nGone--
	}
	label := sanitize.Name(name)
	if e.look != "" && label == e.name {
		return
	}
	seems := Fold(label.String())
	if seems != e.look {
		b.leave(e)
		b.join(e, seems)
	}
	e.name = label
}

// Remove notes that the peer is no longer here. Its old lines keep their label, and somebody who
// takes its name gets a suffix; Complete no longer offers it, and Find only where no peer that
// is here fits.
func (b *Book) Remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.peers[id]
	if e == nil || e.gone != 0 {
		return
	}
	b.steps++
	e.gone = b.steps
	b.nGone++
	b.forget()
}

// forget drops the peers that left longest ago, and what nobody needs any more.
func (b *Book) forget() {
	if b.nGone <= maxGone {
		return
	}
	// Half at once, so that a crowd that comes and goes costs little each.
	var left []*entry
	for _, e := range b.peers {
		if e.gone != 0 {
			left = append(left, e)
		}
	}
	slices.SortFunc(left, func(x, y *entry) int { return x.gone - y.gone })
	for _, e := range left[:len(left)/2] {
		b.leave(e)
		delete(b.peers, e.id)
	}
	b.nGone = len(left) - len(left)/2
	for seems, l := range b.looks { // names that clashed once and that nobody has any more
		if len(l.bearers) == 0 {
			delete(b.looks, seems)
		}
	}
}

// join makes e a bearer of what its name looks like, and settles the suffixes.
func (b *Book) join(e *entry, seems string) {
	l := b.looks[seems]
	if l == nil {
		l = &look{clashed: reserved(seems)}
		b.looks[seems] = l
	}
	for _, o := range l.bearers {
		n := minDigits
		for n < len(e.tag) && n < len(o.tag) && e.tag[:n] == o.tag[:n] {
			n++
		}
		e.digits, o.digits = max(e.digits, n), max(o.digits, n)
		l.clashed = true
	}
	l.bearers = append(l.bearers, e)
	e.look = seems
}

// leave takes e from the bearers of its name. What clashed is kept, for whoever takes the name.
func (b *Book) leave(e *entry) {
	l := b.looks[e.look]
	if l == nil {
		return
	}
	l.bearers = slices.DeleteFunc(l.bearers, func(o *entry) bool { return o == e })
	if len(l.bearers) == 0 && !l.clashed {
		delete(b.looks, e.look)
	}
	e.look = ""
}

// Label is how the peer is shown, with a suffix if its name needs one. A peer that was never Set
// is shown as a nameless one.
func (b *Book) Label(id string) sanitize.SafeText {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.label(id)
}

// label is Label, with mu held.
func (b *Book) label(id string) sanitize.SafeText {
	name, suffix := b.parts(id)
	if suffix.IsEmpty() {
		return name // the usual case, and called for every row that is drawn
	}
	return sanitize.Concat(name, suffix)
}

// LabelWithin is Label in at most that many cells: the name is cut, the suffix is not, unless
// there is no room even for it. Tail stands for what was cut.
func (b *Book) LabelWithin(id string, cells int, tail sanitize.SafeText) sanitize.SafeText {
	b.mu.RLock()
	defer b.mu.RUnlock()
	name, suffix := b.parts(id)
	if cells <= suffix.Width() {
		return sanitize.Concat(name, suffix).Cut(cells, tail)
	}
	return sanitize.Concat(name.Cut(cells-suffix.Width(), tail), suffix)
}

// parts returns the name and the suffix, empty where none is needed.
func (b *Book) parts(id string) (name, suffix sanitize.SafeText) {
	e := b.peers[id]
	if e == nil {
		return sanitize.Trusted(sanitize.Nameless), sanitize.Line("·" + tagOf(id)[:minDigits])
	}
	if l := b.looks[e.look]; l != nil && l.clashed {
		return e.name, sanitize.Line("·" + e.tag[:e.digits])
	}
	return e.name, sanitize.SafeText{}
}

// reserved tells whether a name looks like one that the program itself uses: the reader's own
// lines stand under "you", and "?" is anybody who has no name. Peers so called always bear a
// suffix.
func reserved(seems string) bool {
	return seems == Fold("you") || seems == Fold(sanitize.Nameless)
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
