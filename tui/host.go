package tui

import (
	"context"

	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/conversation"
	"chat.lan/p2pchat/tui/sanitize"
)

// host is the model as its conversations see it: it implements conversation.Screen.
type host struct{ m *model }

// Inform implements conversation.Screen.
func (h host) Inform(text sanitize.SafeText) { h.m.status.inform(h.m.cfg.Now(), text) }

// Fail implements conversation.Screen.
func (h host) Fail(text, hint string) { h.m.fail(text, hint) }

// ClearStatus implements conversation.Screen.
func (h host) ClearStatus() { h.m.status.clear() }

// ShowMatches implements conversation.Screen.
func (h host) ShowMatches(title, rows sanitize.SafeText) {
	h.m.showText(overlayAnswer, title, rows)
	h.m.overlay.scrollToEnd()
}

// Ring implements conversation.Screen.
func (h host) Ring() { h.m.deps.terminal.Bell() }

// Queue implements conversation.Screen.
func (h host) Queue(f func(ctx context.Context)) { h.m.deps.queueAction(f) }

// QueueRead implements conversation.Screen.
func (h host) QueueRead(f func(ctx context.Context) conversation.Result) {
	post := h.m.deps.post
	h.m.deps.queueRead(func(ctx context.Context) { post(f(ctx)) })
}

// Reject implements conversation.Screen.
func (h host) Reject(err error) { h.m.deps.post(command.Fail{Text: err.Error()}) }
