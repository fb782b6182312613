package conversation

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	typingRepeat  = 4 * time.Second  // between two reports while the local peer goes on writing
	typingPause   = 5 * time.Second  // without a key, the local peer has stopped
	typingTimeout = 10 * time.Second // without a report, a peer has stopped
)

// typing holds the peers that are writing, and whether they see the local peer write.
type typing struct {
	writers  map[string]writer // by uuid
	reported time.Time         // the last report to peers; zero when they believe that we don't write
	lastKey  time.Time         // the last key that changed the draft
}

// writer is a peer that is writing.
type writer struct {
	rosterID string
	at       time.Time // its latest report
}

// receive notes a peer's report.
func (t *typing) receive(now time.Time, ev event.Typing) {
	if ev.On {
		t.writers[ev.Peer.ID] = writer{roster.ID(ev.Peer.Key, ev.Peer.ID), now}
	} else {
		delete(t.writers, ev.Peer.ID)
	}
}

// timers calls wake with the times at which expireTyping has something to do.
func (t *typing) timers(wake func(time.Time)) {
	if !t.reported.IsZero() {
		wake(t.lastKey.Add(typingPause))
	}
	for _, w := range t.writers {
		wake(w.at.Add(typingTimeout))
	}
}

// expireTyping drops peers that stopped without a report, and reports to peers that the local peer has
// paused.
func (c *Conversation) expireTyping(now time.Time) {
	maps.DeleteFunc(c.typing.writers, func(_ string, w writer) bool { return now.Sub(w.at) >= typingTimeout })
	if now.Sub(c.typing.lastKey) >= typingPause {
		c.StopTyping()
	}
}

// TypingText names the peers that are writing, in a few words. It is empty when none is.
func (c *Conversation) TypingText() sanitize.SafeText {
	var labels []string
	for _, w := range c.typing.writers {
		labels = append(labels, c.cfg.Roster.Label(w.rosterID).String())
	}
	slices.Sort(labels)
	switch n := len(labels); {
	case n == 0:
		return sanitize.SafeText{}
	case n == 1:
		return sanitize.Linef("%s is typing%s", labels[0], c.th.Ellipsis)
	case n <= 3:
		return sanitize.Linef("%s and %s are typing%s", strings.Join(labels[:n-1], ", "), labels[n-1], c.th.Ellipsis)
	default:
		return sanitize.Linef("%d people are typing%s", n, c.th.Ellipsis)
	}
}

// reportTyping reports to peers that the local peer is writing, but not while the draft is a command.
func (c *Conversation) reportTyping() {
	text := c.Draft.Text()
	if text == "" {
		c.StopTyping()
		return
	}
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		return
	}
	t, now := &c.typing, c.cfg.Now()
	t.lastKey = now
	if !c.cfg.Settings.HideTyping && now.Sub(t.reported) >= typingRepeat {
		t.reported = now
		c.cfg.Screen.Queue(func(context.Context) { c.cfg.Node.SendTyping(true) })
	}
}

// StopTyping reports to peers that the local peer has stopped writing, if they believe that it writes.
func (c *Conversation) StopTyping() {
	if !c.typing.reported.IsZero() {
		c.typing.reported = time.Time{}
		c.cfg.Screen.Queue(func(context.Context) { c.cfg.Node.SendTyping(false) })
	}
}
