package replica

import (
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// lastName is what an author was last called, and when: it names authors that are not here.
type lastName struct {
	name string
	at   record.Time
}

// lastID is the id of an author as text. A burst shows the same author's again and again, and it takes a hash.
type lastID struct {
	author identity.Key
	text   string
}

// of returns an author's id as text.
func (l *lastID) of(author identity.Key) string {
	if l.author != author || l.text == "" {
		l.author, l.text = author, author.ID().String()
	}
	return l.text
}

// Rename signs and sends a new name for the local peer. It opens the feed if nothing was said yet.
func (r *Replica) Rename(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.room.Rename(name)
	if err != nil {
		return fmt.Errorf("%q can't be a name: %w", name, err)
	}
	r.size.addLocked([]store.Entry{e}, e.Record.Seq() == 0)
	r.saver.saveLocked(e, true)
	r.forwardLocked(e.Record, identity.Key{})
	return nil
}

// takeNameLocked takes a name from a record that has one.
func (r *Replica) takeNameLocked(rec *record.Record) {
	r.noteNameLocked(rec.Author(), lastName{rec.Name(), rec.Time()})
	r.cfg.Host.TakeName(rec)
}

func (r *Replica) noteNameLocked(author identity.Key, n lastName) {
	if n.at.Compare(r.mu.names[author].at) >= 0 {
		r.mu.names[author] = n
		r.mu.namesLimit.note(author)
	}
}

// nameOfLocked returns the name that a key goes by, and whether it is here now.
func (r *Replica) nameOfLocked(key identity.Key) (name string, here bool) {
	if key == r.cfg.Identity.Key() {
		return r.room.Name(), true
	}
	if p, known := r.cfg.Host.Peer(key); known {
		linked := r.mu.peers[key]
		return p.Name, linked != nil && linked.link != nil
	}
	if last := r.mu.names[key]; last.name != "" {
		return last.name, false
	}
	return key.Short(), false
}
