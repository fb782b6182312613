package wording

import (
	"fmt"
	"strconv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// NotKept says whose messages weren't kept. It names authors: the peer that handed them on is not to blame.
func (ph Phrases) NotKept(e event.NotKept) sanitize.SafeText {
	what := sanitize.Linef("%s %s", grouped(e.Messages), plural(e.Messages, "message", "messages"))
	switch {
	case e.Deleted:
		old := sanitize.Linef("%s old %s", grouped(e.Messages), plural(e.Messages, "message", "messages"))
		return sanitize.Linef("deleted %s of %s, to make space: the room takes %s", old, ph.authors(e), Size(e.Limit))
	case e.Via != nil:
		return sanitize.Linef("through %s: %s of %s, not kept", ph.Name(*e.Via), what, ph.authors(e))
	}
	return sanitize.Linef("%s of %s, not kept", what, ph.authors(e))
}

// authors names the authors, or counts them if there are many.
func (ph Phrases) authors(e event.NotKept) sanitize.SafeText {
	if e.People <= len(e.Authors) && !e.More {
		names := sanitize.Join(sanitize.Trusted(", "), mapNames(e.Authors, ph.Name)...)
		if e.Strangers {
			return sanitize.Linef("%s, never met", names)
		}
		return names
	}
	many := sanitize.Linef("%s people", grouped(e.People))
	if e.More {
		many = sanitize.Linef("more than %s people", grouped(e.People))
	}
	if e.Strangers {
		return sanitize.Linef("%s never met", many)
	}
	return many
}

func mapNames(voters []event.Voter, name func(event.Voter) sanitize.SafeText) (out []sanitize.SafeText) {
	for _, v := range voters {
		out = append(out, name(v))
	}
	return out
}

// NotKeptBy says how many peers don't keep a message. The second form is for narrow places.
func NotKeptBy(d event.Delivered) (long, short sanitize.SafeText) {
	return sanitize.Linef("not kept by %d of %d", d.NotKept, d.Of), sanitize.Linef("not kept by %d", d.NotKept)
}

// WhyNotKept says to the author of messages why peers don't keep them.
func (ph Phrases) WhyNotKept(d event.Delivered) sanitize.SafeText {
	long, _ := NotKeptBy(d)
	return sanitize.Linef("Your messages are %s: their room is full %s it has more space for those they know, or met for a minute", long, ph.Dot)
}

// WhyFull says why messages aren't kept, and what helps.
func (ph Phrases) WhyFull(s event.RoomSize) sanitize.SafeText {
	return sanitize.Linef("people you don't know may use a quarter of the room, %s %s start with a larger --room-size to keep more", Size(s.Limit/4), ph.Dot)
}

// RoomSize returns how much of the room is taken, as in "34 of 512 MiB".
func RoomSize(s event.RoomSize) string {
	const mib = 1 << 20
	return fmt.Sprintf("%d of %s", (s.Used+mib-1)/mib, Size(s.Limit))
}

// Size returns a number of bytes in whole MiB.
func Size(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// grouped returns a number with commas.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
