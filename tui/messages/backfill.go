package messages

import (
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	// catchUp is how long after the start history is expected: the header above it says enough.
	catchUp = 30 * time.Second
	// arrivalFor and arrivalNear say for how long, and from how far above the end, an announcement
	// is brought up to date instead of being followed by another.
	arrivalFor  = 10 * time.Second
	arrivalNear = 32
	arrivalWho  = 3 // names in an announcement
)

// before is the header above what was said before we came.
type before struct {
	at         int // the first of those lines, -1 for none
	lines      int
	unverified int
}

func (b *before) add(e *entry, n int) {
	if e.kind != said || !e.before {
		return
	}
	b.lines += n
	if e.from.signature != event.Verified {
		b.unverified += n
	}
}

// gone notes that an entry was dropped.
func (b *before) gone(e *entry) {
	if b.add(e, -1); b.lines == 0 {
		b.at = -1
	}
}

// arrival is the announcement that is being brought up to date.
type arrival struct {
	entry    *entry
	who      []*origin
	others   bool // more than who
	lines    int
	from, to int64 // ms
}

// AddOlder takes in lines from disk that stand above what is loaded, or among it, in any order. What
// is read stays at its place. No lines at all say that there are no more.
func (p *Pane) AddOlder(lines []event.Line) {
	if len(lines) == 0 {
		p.noOlder = true
		return
	}
	p.look()
	batch := make([]*entry, 0, len(lines))
	slab := make([]entry, len(lines))
	for i := range lines {
		e := &slab[len(batch)]
		p.newEntry(e, &lines[i])
		if !p.log.learn(e) {
			*e = entry{}
			continue
		}
		e.history = true
		if p.ignored[e.from.who.id] {
			p.hide(e)
			slab = slab[1:]
			continue
		}
		batch = append(batch, e)
	}
	p.putIn(batch)
}

// WantsOlder reports whether the reader is so near the top of what is loaded that more should be
// fetched from disk and given to Older. The caller asks once at a time.
func (p *Pane) WantsOlder() bool {
	if p.OlderCapacity() == 0 {
		return false
	}
	p.look()
	return p.view.top < 3*max(p.h, 10)
}

// OlderCapacity is how many lines Older still takes: none once there are no more, or after a Clear.
func (p *Pane) OlderCapacity() int {
	if p.noOlder || p.floor > 0 || p.log.bytes >= maxBytes {
		return 0
	}
	return max(maxLines-len(p.log.entries)-len(p.hidden), 0)
}

// announce says at the bottom that lines were put in further up. What comes within the first
// seconds from before we came has a header, and needs no announcement.
func (p *Pane) announce(batch []*entry) {
	a := &p.arrival
	now := millis(p.cfg.Now())
	fresh := true
	for _, e := range batch {
		if e.before && now-p.came.UnixMilli() < catchUp.Milliseconds() {
			continue
		}
		if fresh {
			fresh = false
			if a.entry == nil || now-a.entry.arrived > arrivalFor.Milliseconds() ||
				!p.near(a.entry, arrivalNear) {
				*a = arrival{entry: &entry{kind: lateArrival, arrived: now, sent: now}, from: e.sent, to: e.sent}
				p.append(a.entry)
			}
		}
		a.lines++
		a.from, a.to = min(a.from, e.sent), max(a.to, e.sent)
		if !slices.ContainsFunc(a.who, func(o *origin) bool { return o.who.id == e.from.who.id }) {
			if len(a.who) < arrivalWho {
				a.who = append(a.who, e.from)
			} else {
				a.others = true
			}
		}
	}
	if !fresh {
		a.entry.text = p.announcement().String()
		p.bodies.forget(a.entry)
	}
}

// announcement is "3 earlier lines arrived from bob · 14:02–14:31".
func (p *Pane) announcement() sanitize.SafeText {
	a := &p.arrival
	what := sanitize.Linef("%s arrived from", count(a.lines, "earlier line"))
	for i, o := range a.who {
		sep := sanitize.Trusted(", ")
		if i == 0 {
			sep = sanitize.Trusted(" ")
		} else if i == len(a.who)-1 && !a.others {
			sep = sanitize.Trusted(" and ")
		}
		what = sanitize.Concat(what, sep, p.label(o, maxName))
	}
	if a.others {
		what = sanitize.Concat(what, sanitize.Trusted(" and others"))
	}
	from, to, dash := p.moment(a.from), p.moment(a.to), "–"
	if p.cfg.Theme.ASCII {
		dash = "-"
	}
	if from != to {
		from += dash + to
	}
	return sanitize.Concat(what, sanitize.Trusted(" "), p.cfg.Theme.Dot, sanitize.Line(" "+from))
}
