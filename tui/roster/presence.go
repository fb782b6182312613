package roster

import "chat.lan/p2pchat/net/event"

// NoteSelf learns the local peer's id and name.
func (r *Roster) NoteSelf(self event.Self) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.self = self.ID
	r.setLocked(ID(self.Key, self.ID), self.Name)
}

// NotePeer learns what a peer is called, whether it is here and whether it is ignored. It returns the
// peer's state before, "" when the peer wasn't here. A lost peer keeps its place beside those that are
// here until it has left: most come back.
func (r *Roster) NotePeer(p event.Peer) (before event.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.present == nil {
		r.present, r.ignored = map[string]event.State{}, map[string]bool{}
	}
	before = r.present[p.ID]
	r.setLocked(ID(p.Key, p.ID), p.Name)
	if p.HeldBack {
		r.byLook[r.peers[ID(p.Key, p.ID)].look].clashed = true // with a verified person, who may not be here
	}
	if p.Present() {
		r.present[p.ID] = p.State
	} else {
		delete(r.present, p.ID)
	}
	if p.State == event.Left {
		r.removeLocked(ID(p.Key, p.ID))
	}
	if p.Ignored {
		r.ignored[p.ID] = true
	} else {
		delete(r.ignored, p.ID)
	}
	return before
}

// NoteAuthor learns the name of a message's author who isn't here: messages of such authors come with
// the room's history.
func (r *Roster) NoteAuthor(l event.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.Own && r.present[l.FromID] == "" {
		r.setLocked(ID(l.From, l.FromID), l.FromName)
		r.removeLocked(ID(l.From, l.FromID))
	}
}

// NoteVoters learns the names of voters that aren't here.
func (r *Roster) NoteVoters(voters ...event.Voter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range voters {
		if v.ID != r.self && v.Name != "" && r.present[v.ID] == "" {
			r.setLocked(ID(v.Key, v.ID), v.Name)
			r.removeLocked(ID(v.Key, v.ID))
		}
	}
}

// IsIgnored reports whether the peer with this uuid is ignored.
func (r *Roster) IsIgnored(uuid string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ignored[uuid]
}

// NoOneBut reports whether no peer is here except, maybe, the one with this uuid.
func (r *Roster) NoOneBut(uuid string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.present) == 0 || len(r.present) == 1 && r.present[uuid] != ""
}
