package messages

import (
	"cmp"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
)

// lateBy is how far a line's time may be off its arrival before it is badged (DESIGN.md §3).
const lateBy = 5 * time.Minute

// groupFor is how long lines of one author stand under one name.
const groupFor = 5 * time.Minute

// kind is what an entry is.
type kind uint8

const (
	said        kind = iota // a line
	note                    // a sentence of the program's own
	lateArrival             // lines that arrived late, announced
	rejected                // what was refused, counted
)

// acked is what is known of who has a line of one's own.
type acked uint8

const (
	unknown acked = iota // of an earlier run
	pending
	counted
)

// entry is one thing in the log. There are 100,000 of them, so that what many share is in origin
// and the strings are those of the event, not copies.
type entry struct {
	from *origin // nil if it isn't a line
	text string  // raw; part of body where it stands there as it is
	body string
	sign []byte
	name string // the id of a plain line, which isn't hex
	id   [32]byte

	at      int64 // where it stands: ms; never less than the entry's before
	group   int64 // sent of the line whose name this one stands under
	sent    int64 // ms since 1970, by the author's clock
	arrived int64 // by ours

	n, ms     int64 // of the Place
	feed, seq uint64

	peers, of int32 // delivery
	serial    int   // among one's own lines
	acked     acked

	kind    kind
	level   event.Level
	me      bool
	late    bool // came live, with a time far off: stands where it arrived
	history bool
	placed  bool // has a Place
	before  bool // was said before we came, and reached us since
}

// millis keeps a peer's time within what time.Time can show.
func millis(t time.Time) int64 {
	const most = 253402300799999 // the end of the year 9999
	return min(max(t.UnixMilli(), 0), most)
}

// newEntry takes a line in.
func (p *Pane) newEntry(e *entry, l *event.Line) {
	e.from = p.people.origin(l)
	e.text, e.body, e.sign = l.Text, l.Body, l.Sig
	if data, ok := strings.CutSuffix(l.Body, `"}}`); ok && strings.HasSuffix(data, l.Text) {
		e.text = data[len(data)-len(l.Text):] // the text is what the body ends in: one string less to hold
	}
	if n, err := hex.Decode(e.id[:], []byte(shortID(l.ID))); err != nil || n != len(e.id) {
		e.name = l.ID
	}
	arrived, sent := l.Arrived, l.Time
	if arrived.IsZero() {
		arrived = p.cfg.Now()
	}
	if sent.IsZero() {
		sent = arrived
	}
	e.arrived, e.sent = millis(arrived), millis(sent)
	e.me, e.history = l.Me, l.History
	if l.Place != (event.Place{}) {
		e.placed = true
		e.ms, e.n, e.feed, e.seq = l.Place.Ms, l.Place.N, l.Place.Feed, l.Place.Seq
	} else {
		e.ms = e.sent
	}
}

// shortID is an id if it can be one of a record, else something that isn't hex.
func shortID(id string) string {
	if len(id) != 64 {
		return "-"
	}
	return id
}

// line is the event that the entry was made of.
func (e *entry) line() event.Line {
	o := e.from
	l := event.Line{
		ID: e.name, From: o.who.key, FromID: o.who.id, FromName: o.name, Text: e.text, Me: e.me, Own: o.own,
		Time: time.UnixMilli(e.sent), Arrived: time.UnixMilli(e.arrived), Signature: o.signature, Kind: o.kind,
		History: e.history, Via: o.via, Body: e.body, Sig: e.sign,
	}
	if l.ID == "" {
		l.ID = hex.EncodeToString(e.id[:])
	}
	if e.placed {
		l.Place = event.Place{Ms: e.ms, N: e.n, Author: o.who.key, Feed: e.feed, Seq: e.seq}
	}
	return l
}

// shown is the time that stands before the entry.
func (e *entry) shown() int64 {
	if e.late || e.kind != said {
		return e.arrived
	}
	return e.sent
}

// ofOthers tells whether it is news: a line that somebody else said just now.
func (e *entry) ofOthers() bool { return e.kind == said && !e.from.own && !e.history }

// off is how far the entry's time is off its arrival.
func (e *entry) off() time.Duration {
	d := e.arrived - e.sent
	if d < 0 {
		d = -d
	}
	if d > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(d) * time.Millisecond
}

// size is what the entry costs in memory, in bytes and roughly.
func (e *entry) size() int { return 320 + len(e.body) + len(e.text) + len(e.sign) }

// stands is the time at which the entry wants to stand.
func (e *entry) stands() int64 {
	if e.late || e.kind != said {
		return e.arrived
	}
	return e.ms
}

// byPlace orders entries as they are to stand.
func byPlace(a, b *entry) int {
	switch {
	case a.stands() != b.stands():
		return cmp.Compare(a.stands(), b.stands())
	case a.comesAfter(b):
		return 1
	case b.comesAfter(a):
		return -1
	}
	return 0
}

// comesAfter tells whether e stands after o by the raw key (time, author, feed, seq).
func (e *entry) comesAfter(o *entry) bool {
	if e.ms != o.ms {
		return e.ms > o.ms
	}
	if e.from == nil || o.from == nil {
		return false
	}
	if e.n != o.n {
		return e.n > o.n
	}
	if c := e.from.who.key.Compare(o.from.who.key); c != 0 {
		return c > 0
	}
	if e.feed != o.feed {
		return e.feed > o.feed
	}
	return e.seq > o.seq
}

// under tells whether e stands in the group of the entry before it, so that its name is not shown
// again.
func (e *entry) under(o *entry) bool {
	return e.kind == said && o.kind == said && !e.me && !o.me && e.from.who.id == o.from.who.id &&
		e.from.signature == o.from.signature && e.group == o.group
}

// join puts e into the group of the entry before it, or begins one.
func (e *entry) join(o *entry) {
	e.group = e.shown()
	if o == nil || e.kind != said || o.kind != said || e.me || o.me || e.from.who.id != o.from.who.id {
		return
	}
	if d := e.shown() - o.group; d >= 0 && d < groupFor.Milliseconds() {
		e.group = o.group
	}
}
