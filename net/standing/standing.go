// Package standing decides who goes first where a limit is reached.
//
// Keys are free, so a limit per key is none: an attacker makes another key. Every limit against strangers therefore
// looks at two things about a key. Its Level says what the local peer saw of it, and its Source says from which
// address its traffic comes. Both are decided here, by what this profile saw. They are never sent, and never
// believed from others. They take nothing from anyone while there is room: they only decide what goes first.
//
//	Known  our own keys; keys that the user verified or trusts; keys that were linked to us for 30 minutes in all,
//	       in two runs that began 8 hours apart, and that never used more than their share. At most 4 keys a source
//	       and day become known in the last way, and 1024 in all: the one unseen for longest makes room.
//	Met    keys that are linked now for a minute, or were for 10 minutes in all
//	Heard  all others, and keys that the user ignores or trusts no more
//
// A Source is an IPv4 address or an IPv6 /64 network. Each link-local address is a source of its own, since a network
// has them all in one /64, but together they count as 16. All addresses of this machine are one source. A source is
// never trust: fifty users of one host come from one address.
//
// A Budget is a limit that keys share. While it has room, everyone may use all of it. When it is full, heard keys
// give way before met ones, and met before known. Within a level the source that uses most gives way, there the key
// that uses most, and of equal ones the one that came last. So those who were there before the trouble stay. Heard keys
// may keep a part against met ones (KeepForHeard), so that those can't silence newcomers.
// A known key gives way to no other, but one that uses more than an eighth of a budget gives way to itself. Where only
// known keys are left and no newcomer is to blame, as after a start with a smaller limit, the one that uses most does.
package standing

// Level is the standing of a key with the local peer. A greater one goes first.
type Level uint8

// The levels, as the package comment describes them.
const (
	Heard Level = iota
	Met
	Known
)

const levels = 3

// String returns the level's name, as people read it.
func (l Level) String() string { return [levels]string{"heard", "met", "known"}[l] }
