package messages

import (
	"cmp"
	"encoding/hex"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
)

// lateBy is how far a message's time may be off its arrival before the message gets a badge.
const lateBy = 5 * time.Minute

// groupFor is how long the messages of an author stand under one name.
const groupFor = 5 * time.Minute

// entryKind tells apart what an entry can be.
type entryKind uint8

const (
	messageEntry entryKind = iota
	noticeEntry            // a sentence of the program's own
	lateArrival            // announces messages that arrived late
	refusedEntry           // counts messages that were refused
)

// ackState tells what is known about the delivery of a local message.
type ackState uint8

const (
	ackUnknown ackState = iota // sent in an earlier run
	ackPending
	ackCounted
)

// entry is a row or more of the log. There are 100,000 of them: what many share is in origin, and the
// strings are those of the event, not copies.
type entry struct {
	from        *origin // nil if it isn't a message
	text        string  // raw; a part of body where body contains it unchanged
	body        string
	signature   []byte
	cleartextID string // the id of a cleartext message, which isn't hex
	id          [32]byte

	order   int64 // the sort key in the log, in ms; never less than that of the entry before
	group   int64 // sent of the message whose name this entry stands under
	sent    int64 // ms since 1970, by the author's clock
	arrived int64 // ms since 1970, by the local clock

	placeN, placeMs int64 // N and Ms of the event's Place
	feed, seq       uint64

	peers, of int32  // peers that have it, of how many
	serial    int    // number among the local messages
	notKept   uint16 // peers that don't keep it
	acked     ackState

	kind     entryKind
	level    event.Level
	me       bool
	late     bool // came live with a time far off, so it stands where it arrived
	history  bool
	placed   bool // has an event.Place
	predates bool // was sent before the program started, and reached us since
}

// millis returns t in ms since 1970, within the range that time.Time can show.
func millis(t time.Time) int64 {
	const most = 253402300799999 // the end of the year 9999
	return min(max(t.UnixMilli(), 0), most)
}

// fillEntry fills an entry from an event.
func (p *Pane) fillEntry(e *entry, l *event.Line) {
	e.from = p.renderer.authors.origin(l)
	e.text, e.body, e.signature = l.Text, l.Body, l.Sig
	if data, ok := strings.CutSuffix(l.Body, `"}}`); ok && strings.HasSuffix(data, l.Text) {
		e.text = data[len(data)-len(l.Text):] // the body ends in the text: saves holding a second string
	}
	var hashed bool
	if e.id, hashed = parseID(l.ID); !hashed {
		e.cleartextID = l.ID
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
		e.placeMs, e.placeN, e.feed, e.seq = l.Place.Ms, l.Place.N, l.Place.Feed, l.Place.Seq
	} else {
		e.placeMs = e.sent
	}
}

// parseID reads a record's id, and reports false for the id of a cleartext message.
func parseID(id string) (raw [32]byte, ok bool) {
	if len(id) != hex.EncodedLen(len(raw)) {
		return raw, false
	}
	_, err := hex.Decode(raw[:], []byte(id))
	return raw, err == nil
}

// toEvent returns the event that the entry was made of.
func (e *entry) toEvent() event.Line {
	o := e.from
	l := event.Line{
		ID: e.cleartextID, From: o.author.key, FromID: o.author.id, FromName: o.name, Text: e.text, Me: e.me, Own: o.own,
		Time: time.UnixMilli(e.sent), Arrived: time.UnixMilli(e.arrived), Signature: o.signature, Kind: o.kind,
		History: e.history, Via: o.via, Body: e.body, Sig: e.signature,
	}
	if l.ID == "" {
		l.ID = hex.EncodeToString(e.id[:])
	}
	if e.placed {
		l.Place = event.Place{Ms: e.placeMs, N: e.placeN, Author: o.author.key, Feed: e.feed, Seq: e.seq}
	}
	return l
}

// shownTime returns the time that stands before the entry, in ms.
func (e *entry) shownTime() int64 {
	if e.late || e.kind != messageEntry {
		return e.arrived
	}
	return e.sent
}

// isNews reports whether the entry is a message that a peer sent just now.
func (e *entry) isNews() bool { return e.kind == messageEntry && !e.from.own && !e.history }

// size estimates what the entry costs in memory, in bytes.
func (e *entry) size() int { return 320 + len(e.body) + len(e.text) + len(e.signature) }

// sortTime returns the time by which the entry wants to be sorted, in ms.
func (e *entry) sortTime() int64 {
	if e.late || e.kind != messageEntry {
		return e.arrived
	}
	return e.placeMs
}

// compareEntries orders entries as the log sorts them.
func compareEntries(a, b *entry) int {
	if c := cmp.Compare(a.sortTime(), b.sortTime()); c != 0 {
		return c
	}
	return a.comparePlace(b)
}

// comparePlace orders entries by the raw key (time, author, feed, seq).
func (e *entry) comparePlace(o *entry) int {
	if e.placeMs != o.placeMs || e.from == nil || o.from == nil {
		return cmp.Compare(e.placeMs, o.placeMs)
	}
	return cmp.Or(cmp.Compare(e.placeN, o.placeN), e.from.author.key.Compare(o.from.author.key),
		cmp.Compare(e.feed, o.feed), cmp.Compare(e.seq, o.seq))
}

// sharesName reports whether e is in the group of o, the entry before it. Its name is then not
// repeated.
func (e *entry) sharesName(o *entry) bool {
	return e.kind == messageEntry && o.kind == messageEntry && !e.me && !o.me && e.from.author.id == o.from.author.id &&
		e.from.signature == o.from.signature && e.group == o.group
}

// joinGroup puts e into the group of o, the entry before it, or begins a group.
func (e *entry) joinGroup(o *entry) {
	e.group = e.shownTime()
	if o == nil || e.kind != messageEntry || o.kind != messageEntry || e.me || o.me || e.from.author.id != o.from.author.id {
		return
	}
	if d := e.shownTime() - o.group; d >= 0 && d < groupFor.Milliseconds() {
		e.group = o.group
	}
}
