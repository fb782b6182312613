package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// MaxCounter is the greatest counter of a clock that a record may carry.
const MaxCounter = 1<<53 - 1

// Author signs the records of one key in one room: a feed at a time, in a chain without a gap. What it signs is
// valid; Forge spoils it. One goroutine may use an Author.
type Author struct {
	id   *identity.Identity
	room record.RoomID
	feed record.Feed
	seq  uint64
	prev record.ID

	// Stamp returns the time of the next record. It may be replaced; at first it is that of an honest clock.
	Stamp func() record.Time
}

// NewAuthor returns an Author who has no feed yet.
func NewAuthor(id *identity.Identity, room record.RoomID) *Author {
	var last record.Time
	return &Author{id: id, room: room, Stamp: func() record.Time {
		if now := time.Now().UnixMilli(); now > last.Ms {
			last = record.Time{Ms: now}
		} else {
			last.N++
		}
		return last
	}}
}

// Open begins a feed, of any number but 0. It is called before all methods that sign a record of a feed.
func (a *Author) Open(feed record.Feed, name string) *record.Record {
	a.feed, a.seq = feed, 0
	return a.sign(record.KindOpen, record.NamingData(name))
}

// Say signs a message.
func (a *Author) Say(text string) *record.Record {
	return a.sign(record.KindChat, record.TextData(text))
}

// Rename signs a change of the name.
func (a *Author) Rename(name string) *record.Record {
	return a.sign(record.KindName, record.NamingData(name))
}

// Invent signs a record of a kind that no program knows, with a body of some bytes.
func (a *Author) Invent(kind record.Kind, bytes int) *record.Record {
	return a.sign(kind, json.RawMessage(fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", bytes))))
}

// Fork signs two messages for the next place of the feed. Which of them comes first in a room is chance.
func (a *Author) Fork(one, other string) [2]*record.Record {
	at := *a
	return [2]*record.Record{a.Say(one), at.Say(other)}
}

// Skip signs messages that the caller doesn't get: who hears the next record lacks them.
func (a *Author) Skip(records int) {
	for n := range records {
		a.Say(fmt.Sprint("withheld ", n))
	}
}

// Place returns the feed, and how many records it has.
func (a *Author) Place() (key record.FeedKey, records uint64) {
	return record.FeedKey{Author: a.id.Key(), Feed: a.feed}, a.seq
}

// sign signs the next record. It panics at a record that package record refuses to sign.
func (a *Author) sign(kind record.Kind, data json.RawMessage) *record.Record {
	if a.feed == 0 {
		panic("hostile: no feed was opened")
	}
	rec, err := record.Sign(a.id, record.Body{
		Room: a.room, Feed: a.feed, Seq: a.seq, Prev: a.prev, Time: a.Stamp(), Kind: kind, Data: data,
	})
	if err != nil {
		panic(err)
	}
	a.seq, a.prev = a.seq+1, rec.ID()
	return rec
}

// Frame returns a record as it goes over a link.
func Frame(rec *record.Record) wire.Record {
	return wire.Record{Body: rec.Signed(), Sig: rec.Signature()}
}

// Forge returns a record as it goes over a link, with one bit of its signature changed.
func Forge(rec *record.Record) wire.Record {
	w := Frame(rec)
	w.Sig[3] ^= 1
	return w
}
