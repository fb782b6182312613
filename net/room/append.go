package room

import (
	"encoding/json"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// Say signs a line and appends it. The first line of a run opens its feed, so up to two records are
// returned, in order. The error is record.Sign's.
func (r *Room) AppendText(kind record.Kind, text string) ([]store.Entry, error) {
	data, err := record.TextData(text)
	if err != nil {
		return nil, err
	}
	if err := record.CheckText(text); err != nil {
		return nil, err // before the feed is opened for nothing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []store.Entry
	if r.own.Feed == 0 {
		opened, err := r.open()
		if err != nil {
			return nil, err
		}
		out = append(out, opened)
	}
	said, err := r.sign(kind, data)
	if err != nil {
		return out, err
	}
	return append(out, said), nil
}

// Rename changes one's own name by a record, and returns it. Before the first line of a run that is
// the one that opens the feed.
func (r *Room) Rename(name string) (store.Entry, error) {
	if err := record.CheckName(name); err != nil {
		return store.Entry{}, err
	}
	data, err := record.NamingData(name)
	if err != nil {
		return store.Entry{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.name
	r.name = name
	var e store.Entry
	if r.own.Feed == 0 {
		e, err = r.open()
	} else {
		e, err = r.sign(record.KindName, data)
	}
	if err != nil {
		r.name = before
	}
	return e, err
}

// Own is this run's feed and the seq of its last record; false before the first line.
func (r *Room) OwnFeed() (record.FeedKey, uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own.Feed == 0 {
		return record.FeedKey{}, 0, false
	}
	return r.own, r.feeds[r.own].next() - 1, true
}

// open begins this run's feed. A new random one at every start means that a kill, a restored backup
// or a copied profile never gives one place to two records.
func (r *Room) open() (store.Entry, error) {
	data, err := record.NamingData(r.name)
	if err != nil {
		return store.Entry{}, err
	}
	r.own.Feed = record.NewFeed()
	r.feeds[r.own] = newFeed()
	e, err := r.sign(record.KindOpen, data)
	if err != nil {
		delete(r.feeds, r.own)
		r.own.Feed = 0
	}
	return e, err
}

// sign makes the next record of one's own feed.
func (r *Room) sign(kind record.Kind, data json.RawMessage) (store.Entry, error) {
	f := r.feeds[r.own]
	prev := r.ownLast
	if f.any {
		prev = f.head // another run of this profile may have been heard in between
	}
	rec, err := record.Sign(r.self, record.Body{
		Room: r.id, Feed: r.own.Feed, Seq: f.next(), Prev: prev,
		Time: r.clock.tick(), Kind: kind, Data: data,
	})
	if err != nil {
		return store.Entry{}, err
	}
	r.append(r.own, f, rec)
	r.trim()
	return store.Entry{Record: rec, Name: f.name}, nil
}
