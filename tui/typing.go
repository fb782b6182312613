package tui

import (
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	typingRepeat = 4 * time.Second  // who goes on writing says so again
	typingPause  = 5 * time.Second  // who hasn't pressed a key for that long has stopped
	typingForget = 10 * time.Second // who hasn't repeated it for that long has stopped
)

// typing is who is writing: the others, and oneself as they see it.
type typing struct {
	off     bool                   // /typing off: nobody is told
	heardAt map[string]heardTyping // by uuid
	told    time.Time              // when peers were told last; zero when they believe that nothing is written
	key     time.Time              // of the last key that wrote something
}

type heardTyping struct {
	book string // id in the book
	at   time.Time
}

func (t *typing) init() { t.heardAt = map[string]heardTyping{} }

// heard notes what a peer says of itself.
func (t *typing) heard(now time.Time, ev event.Typing) {
	if !ev.On {
		delete(t.heardAt, ev.Peer.ID)
		return
	}
	t.heardAt[ev.Peer.ID] = heardTyping{roster.ID(ev.Peer.Key, ev.Peer.ID), now}
}

// stopped notes that a peer isn't writing: it has said it, or is gone.
func (t *typing) stopped(id string) { delete(t.heardAt, id) }

// wrote notes a key that wrote something, and reports whether to tell peers.
func (t *typing) wrote(now time.Time) bool {
	t.key = now
	if t.off || now.Sub(t.told) < typingRepeat {
		return false
	}
	t.told = now
	return true
}

// end notes that nothing is being written any more, and reports whether to tell peers.
func (t *typing) end() bool {
	told := !t.told.IsZero()
	t.told = time.Time{}
	return told
}

// pause forgets who has stopped without saying so, and reports whether that is oneself, so that peers
// are to be told.
func (t *typing) pause(now time.Time) bool {
	for id, h := range t.heardAt {
		if now.Sub(h.at) >= typingForget {
			delete(t.heardAt, id)
		}
	}
	return !t.told.IsZero() && now.Sub(t.key) >= typingPause && t.end()
}

// next is when pause has something to do; zero: never.
func (t *typing) next(time.Time) (at time.Time) {
	if !t.told.IsZero() {
		at = t.key.Add(typingPause)
	}
	for _, h := range t.heardAt {
		if end := h.at.Add(typingForget); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at
}

// typingText is who is writing, in a few words.
func (m *model) typingText() sanitize.SafeText {
	var labels []string
	for _, h := range m.typing.heardAt {
		labels = append(labels, m.roster.Label(h.book).String())
	}
	slices.Sort(labels)
	switch n := len(labels); {
	case n == 0:
		return sanitize.SafeText{}
	case n == 1:
		return sanitize.Linef("%s is typing%s", labels[0], m.th.Ellipsis)
	case n <= 3:
		return sanitize.Linef("%s and %s are typing%s", strings.Join(labels[:n-1], ", "), labels[n-1], m.th.Ellipsis)
	default:
		return sanitize.Linef("%d people are typing%s", n, m.th.Ellipsis)
	}
}
