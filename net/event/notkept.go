package event

// NotKept says that messages weren't kept because their authors use too much of the room.
type NotKept struct {
	Scope
	Via       *Voter  // who handed them on; nil: their author did
	Authors   []Voter // the first few, those with most messages first
	People    int     // how many authors
	More      bool    // there are more than People
	Strangers bool    // none of them was ever met
	Messages  int
	Deleted   bool  // they were kept for a while: the oldest of their authors
	Limit     int64 // bytes of the room
}

// Named returns the people that the event names.
func (n NotKept) Named() []Voter {
	if n.Via == nil {
		return n.Authors
	}
	return append([]Voter{*n.Via}, n.Authors...)
}

// RoomSize is the room's part of /status.
type RoomSize struct {
	Used, Limit int64     // bytes
	Refused     int       // authors that nothing is taken of for a while
	NotKept     []NotKept // in this run
}
