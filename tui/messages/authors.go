package messages

import (
	"strings"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// maxOrigins bounds the authors and origins that entries share. A cleartext peer can take a new id
// with every message. Past the bound, sharing starts afresh.
const maxOrigins = 4096

// author is a peer that wrote messages.
type author struct {
	id       string // uuid
	key      identity.Key
	rosterID string
	measured bool // its label is counted in renderer.widestName
}

// origin holds what messages of an author that came the same way have in common.
type origin struct {
	author    *author
	name      string // raw, as it was when the message was sent
	via       string
	kind      event.Kind
	signature event.Signature
	own       bool
}

// authors shares authors and origins among entries.
type authors struct {
	byID    map[authorID]*author
	origins map[origin]*origin
}

type authorID struct {
	id  string
	key identity.Key
}

func (a *authors) init() {
	a.byID = make(map[authorID]*author)
	a.origins = make(map[origin]*origin)
}

// origin finds or makes the origin of a message.
func (a *authors) origin(l *event.Line) *origin {
	if len(a.origins) >= maxOrigins {
		a.init()
	}
	who := a.byID[authorID{l.FromID, l.From}]
	if who == nil {
		who = &author{id: l.FromID, key: l.From, rosterID: roster.ID(l.From, l.FromID)}
		a.byID[authorID{l.FromID, l.From}] = who
	}
	o := origin{author: who, name: l.FromName, via: l.Via, kind: l.Kind, signature: l.Signature, own: l.Own}
	shared := a.origins[o]
	if shared == nil {
		shared = &o
		a.origins[o] = shared
	}
	return shared
}

// authorLabel returns the author's label within that many cells, "you" for the local peer.
func (r *renderer) authorLabel(o *origin, cells int) sanitize.SafeText {
	tail := r.cfg.Theme.Ellipsis
	if o.own {
		return sanitize.Trusted("you").Cut(cells, tail)
	}
	label := r.cfg.Roster.LabelWithin(o.author.rosterID, cells, tail)
	suffix, nameless := strings.CutPrefix(label.String(), sanitize.Nameless+"·")
	if !nameless || o.name == "" {
		return label
	}
	// A peer that was never here at the same time: its message has the name it used.
	suffixed := sanitize.Line("·" + suffix)
	return sanitize.Concat(sanitize.Name(o.name).Cut(max(cells-suffixed.Width(), 0), tail), suffixed)
}

// authorName returns the author's name for the middle of a sentence: the local peer's name instead of
// "you".
func (r *renderer) authorName(o *origin) sanitize.SafeText {
	if o.own {
		return r.cfg.OwnName()
	}
	return r.authorLabel(o, maxName)
}

// nameStyle returns the colour of an author's name. The local peer's messages are plain.
func (r *renderer) nameStyle(o *origin) theme.Style {
	if o.own {
		return r.cfg.Theme.Text
	}
	return r.cfg.Theme.IDStyle(o.author.rosterID)
}

// measureName widens the column of names for an author that is new in the log.
func (r *renderer) measureName(o *origin) {
	if !o.author.measured {
		o.author.measured = true
		r.widestName = max(r.widestName, r.authorLabel(o, maxName).Width())
	}
}

// relabel measures all names anew and arranges the columns for them.
func (r *renderer) relabel() {
	r.widestName = 0
	for _, o := range r.authors.origins {
		o.author.measured = false
	}
	for _, o := range r.authors.origins {
		r.measureName(o)
	}
	r.arrangeColumns()
}
