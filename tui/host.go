package tui

import (
	"context"
	"time"

	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
)

// host is the model as its conversations see it: it implements conversation.Screen, where its methods
// are documented.
type host struct{ m *model }

func (h host) Inform(text sanitize.SafeText)     { h.m.status.inform(h.m.cfg.Now(), text) }
func (h host) Fail(text, hint string)            { h.m.fail(text, hint) }
func (h host) ClearStatus()                      { h.m.status.clear() }
func (h host) Queue(f func(ctx context.Context)) { h.m.deps.queueAction(f) }
func (h host) Reject(err error)                  { h.m.deps.post(command.Fail{Text: err.Error()}) }

// bellEvery is how much time lies between two bells at least: who names us often must not make a siren of the terminal.
const bellEvery = 3 * time.Second

func (h host) Ring() {
	if now := h.m.cfg.Now(); now.Sub(h.m.rangAt) >= bellEvery {
		h.m.rangAt = now
		h.m.deps.terminal.Bell()
	}
}

func (h host) QueueRead(read func(ctx context.Context) (apply func())) {
	post := h.m.deps.post
	h.m.deps.queueRead(func(ctx context.Context) {
		apply := read(ctx)
		post(screenRequest(func(*model) { apply() }))
	})
}

func (h host) ShowMatches(title, rows sanitize.SafeText) {
	h.m.showText(overlayAnswer, title, rows)
	h.m.overlay.scrollToEnd()
}
