package wording

import (
	"fmt"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// Saving reports what changed about saving the room on disk.
func (ph Phrases) Saving(was, now event.Saving) (notes []Note) {
	add := func(level event.Level, text sanitize.SafeText) { notes = append(notes, Note{level, text}) }
	switch again := now.NotSaved == "" && was.NotSaved != ""; {
	case ph.Terse && now.NotSaved != "" && now.NotSaved != was.NotSaved:
		add(event.Warning, NotSaved(now))
	case !ph.Terse && now.NotSaved != "" && was.NotSaved == "":
		add(event.Warning, sanitize.Linef("%s %s the chat goes on, and is saved when there is room", NotSaved(now), ph.Dot))
	case ph.Terse && again && now.Dropped > 0:
		add(event.Warning, sanitize.Linef("Saved again, but for %d records", now.Dropped))
	case again && now.Dropped > was.Dropped:
		add(event.Warning, sanitize.Linef("Saved again, but for %d records that are asked of the others", now.Dropped-was.Dropped))
	case again:
		add(event.Info, sanitize.Trusted("Saved again"))
	}
	if now.Aside != "" && now.Aside != was.Aside {
		add(event.Error, sanitize.Linef("The saved history was damaged: recovered %d records, fetching the rest from the others; the damaged file is %s", now.Recovered, now.Aside))
	}
	if lost := now.Unreadable - was.Unreadable; lost > 0 {
		add(event.Warning, sanitize.Linef("%d %s", lost, ph.either("records on disk were damaged and are asked of the others",
			"damaged records were dropped; others have them")))
	}
	return notes
}

// NotSaved says why nothing is saved now.
func NotSaved(s event.Saving) sanitize.SafeText { return sanitize.Linef("Not saved: %s", s.NotSaved) }

// HistoryUnreadable says why no earlier messages are shown. It is raw.
func HistoryUnreadable(err error) string { return "can't read the saved history: " + err.Error() }

// InterfaceSummary returns what became of looking for peers on an interface; raw.
func InterfaceSummary(i event.Interface) string {
	switch {
	case i.Error != "":
		return i.Error
	case i.Skipped != "":
		return "skipped: " + i.Skipped
	}
	return fmt.Sprintf("%d beacons sent, %d of others heard", i.Sent, i.Heard)
}

// LinkCounts returns how many peers are linked, and how.
func LinkCounts(s event.Status) string {
	return fmt.Sprintf("%d encrypted over %d links, %d in clear", s.Peers, s.Links, s.Plain)
}

// Traffic returns how much went over the network.
func Traffic(s event.Status) string { return fmt.Sprintf("%d bytes in, %d out", s.In, s.Out) }
