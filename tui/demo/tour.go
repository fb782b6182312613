package demo

import (
	"context"
	"strings"
	"time"

	"chat.lan/p2pchat/net/group"
)

// The tour's pace: a fast typist for a slow reader.
const (
	wordPause  = 110 * time.Millisecond
	readPause  = 2500 * time.Millisecond
	seePause   = 1200 * time.Millisecond // between a caption and its step
	arriveTime = 8 * time.Second         // limit for a text to appear on a screen; a ballot is held for 5 s
)

// tour types the script in the peers' panes. It ends early and silently when a pane is gone: the user
// has quit there.
func tour(ctx context.Context, w *window, hurry bool) {
	pause := func(d time.Duration) bool {
		if hurry {
			d = 0
		}
		return group.Sleep(ctx, d, nil)
	}
	defer func() { _ = w.caption("") }() // the status line shows the keys again
	n := len(w.panes)
	for i := range n {
		_ = w.await(ctx, i, w.panes[(i+1)%n].name)
	}
	if w.caption(opening) != nil || !pause(readPause) {
		return
	}
	for _, s := range script(n) {
		if w.focus(s.who) != nil || w.caption(s.caption) != nil || !pause(seePause) {
			return
		}
		for word := range strings.SplitAfterSeq(s.text, " ") {
			if w.write(s.who, word) != nil || !pause(wordPause) {
				return
			}
		}
		if w.press(s.who, "Enter") != nil {
			return
		}
		if s.then == "Enter" && (!pause(readPause) || w.await(ctx, s.who, "Enter sends it, Esc doesn't") != nil || w.press(s.who, "Enter") != nil) {
			return
		}
		for i := range n {
			if i != s.who && !s.silent {
				_ = w.await(ctx, i, s.heard())
			}
		}
		if !pause(readPause) {
			return
		}
		if s.then == "Escape" && w.press(s.who, "Escape") != nil {
			return
		}
	}
	if w.focus(0) == nil && w.caption(closing) == nil {
		pause(2 * readPause)
	}
}

// await waits until pane i shows text, but not for long: a small pane may never show it.
func (w *window) await(ctx context.Context, i int, text string) error {
	limited, cancel := context.WithTimeout(ctx, arriveTime)
	defer cancel()
	for {
		shown, err := w.capture(i)
		if err != nil || strings.Contains(shown, text) {
			return err
		}
		if !group.Sleep(limited, pollTime, nil) {
			return ctx.Err()
		}
	}
}
