package messages

import (
	"strings"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// maxOrigins bounds the authors and origins that are shared. Anybody can speak in clear under a new
// id with every line; past the bound they are only shared again from the start.
const maxOrigins = 4096

// person is an author.
type person struct {
	id   string // uuid
	key  identity.Key
	book string // what names.Book calls it
	wide bool   // its label is counted in Pane.names
}

// origin is what lines of one author that came the same way have in common.
type origin struct {
	who       *person
	name      string // raw, as it was when the line was said
	via       string
	kind      event.Kind
	signature event.Signature
	own       bool
}

// people shares persons and origins among entries.
type people struct {
	persons map[personID]*person
	origins map[origin]*origin
}

type personID struct {
	id  string
	key identity.Key
}

func (p *people) init() {
	p.persons = make(map[personID]*person)
	p.origins = make(map[origin]*origin)
}

// origin finds or makes the origin of a line.
func (p *people) origin(l *event.Line) *origin {
	if len(p.origins) >= maxOrigins {
		p.init()
	}
	who := p.persons[personID{l.FromID, l.From}]
	if who == nil {
		who = &person{id: l.FromID, key: l.From, book: roster.ID(l.From, l.FromID)}
		p.persons[personID{l.FromID, l.From}] = who
	}
	o := origin{who: who, name: l.FromName, via: l.Via, kind: l.Kind, signature: l.Signature, own: l.Own}
	shared := p.origins[o]
	if shared == nil {
		shared = &o
		p.origins[o] = shared
	}
	return shared
}

// label is what an author is called on screen, within that many cells.
func (p *Pane) label(o *origin, cells int) sanitize.SafeText {
	if o.own {
		return sanitize.Trusted("you").Cut(cells, p.cfg.Theme.Ellipsis)
	}
	label := p.cfg.Roster.LabelWithin(o.who.book, cells, p.cfg.Theme.Ellipsis)
	suffix, nameless := strings.CutPrefix(label.String(), sanitize.Nameless+"·")
	if !nameless || o.name == "" {
		return label
	}
	// Somebody who was never here while we were: the line says what it called itself.
	tail := sanitize.Line("·" + suffix)
	return sanitize.Concat(sanitize.Name(o.name).Cut(max(cells-tail.Width(), 0), p.cfg.Theme.Ellipsis), tail)
}

// nameStyle is the colour of an author's name. One's own lines are plain.
func (p *Pane) nameStyle(o *origin) theme.Style {
	if o.own {
		return p.cfg.Theme.Text
	}
	return p.cfg.Theme.IDStyle(o.who.book)
}

// measure widens the column of names for an author of a new entry.
func (p *Pane) measure(o *origin) {
	if !o.who.wide {
		o.who.wide = true
		p.names = max(p.names, p.label(o, maxName).Width())
	}
}

// Relabel must be called when labels may have changed: somebody got a suffix, or another name.
func (p *Pane) Relabel() {
	p.names = 0
	for _, o := range p.people.origins {
		o.who.wide = false
	}
	for _, o := range p.people.origins {
		p.measure(o)
	}
	p.arrange()
	p.restyle()
}

// SetIgnored hides what a peer, by its uuid, has said and will say, or shows it again.
func (p *Pane) SetIgnored(id string, on bool) {
	if p.ignored[id] == on {
		return
	}
	if on {
		p.ignored[id] = true
	} else {
		delete(p.ignored, id)
	}
	of := func(e *entry) bool { return e.kind == said && e.from.who.id == id }
	if on {
		p.hidden = append(p.hidden, p.takeOut(of)...)
		p.boundHidden()
	} else {
		var back []*entry
		kept := p.hidden[:0]
		for _, e := range p.hidden {
			if of(e) {
				back = append(back, e)
			} else {
				kept = append(kept, e)
			}
		}
		clear(p.hidden[len(kept):])
		p.hidden = kept
		p.putIn(back)
		p.recount()
	}
	p.restyle()
}

// hide keeps a line of somebody who is ignored, in case it is shown again.
func (p *Pane) hide(e *entry) {
	p.hidden = append(p.hidden, e)
	p.boundHidden()
}

// boundHidden drops the oldest of what is hidden.
func (p *Pane) boundHidden() {
	const most = 10_000
	if len(p.hidden) > most+most/4 {
		n := len(p.hidden) - most
		for _, e := range p.hidden[:n] {
			p.log.forget(e)
		}
		p.hidden = append(p.hidden[:0:0], p.hidden[n:]...)
	}
}
