package cli

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/tui/lines"
)

// closing is a store whose Close takes a while.
type closing struct {
	store.Store
	takes  time.Duration
	err    error
	panics bool
}

func (c closing) Close() error {
	time.Sleep(c.takes)
	if c.panics {
		panic("injected")
	}
	return c.err
}

// The end waits for a slow disk and for a slow reader, writes the output also when the store hangs, and says what
// was lost.
func TestShutdown(t *testing.T) {
	full := errors.New("disk full")
	for name, tc := range map[string]struct {
		store  closing
		output error // why the output took no more
		takes  time.Duration
		want   []error
	}{
		"at once":           {},
		"a slow disk":       {store: closing{takes: endTime - time.Second}, takes: endTime - time.Second},
		"a full disk":       {store: closing{err: full}, want: []error{full}},
		"a hanging disk":    {store: closing{takes: 2 * endTime}, takes: endTime, want: []error{errUnsure}},
		"a panic":           {store: closing{panics: true}, want: []error{errUnsure}},
		"a stuck reader":    {output: lines.ErrStuck, want: []error{lines.ErrStuck}},
		"both":              {store: closing{err: full}, output: lines.ErrStuck, want: []error{full, lines.ErrStuck}},
		"a closed pipe":     {output: lines.ErrOutput, want: []error{lines.ErrOutput}},
		"a hang and a pipe": {store: closing{takes: 2 * endTime}, takes: endTime, output: lines.ErrOutput, want: []error{errUnsure, lines.ErrOutput}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				written := false
				r := &run{log: slog.New(slog.DiscardHandler), group: group.New(context.Background(), func(*group.Panic) {})}
				r.cfg.Store = tc.store
				r.ui.close = func() error { written = true; return tc.output }
				began := time.Now()
				err := r.shutdown()
				if took := time.Since(began); took != tc.takes || !written {
					t.Errorf("took %v, want %v; output written: %v", took, tc.takes, written)
				}
				for _, want := range tc.want {
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				}
				if len(tc.want) == 0 && err != nil {
					t.Error(err)
				}
				time.Sleep(2 * endTime) // what hung ends
				r.group.Close()
			})
		})
	}
}

// A run that a signal or a closed output ended says all the same that its last messages aren't saved. Its exit code
// is that of the signal.
func TestSignalDoesntHideALoss(t *testing.T) {
	full := errors.New("disk full")
	for name, tc := range map[string]struct {
		ended, saved error
		code         int
		news         string
	}{
		"a signal":                      {errSignalled, nil, exitSignal, ""},
		"a signal and a full disk":      {errSignalled, full, exitSignal, "the last messages are not saved: disk full"},
		"a closed output":               {lines.ErrOutput, nil, exitError, ""},
		"a closed output and full disk": {lines.ErrOutput, full, exitError, "the last messages are not saved: disk full"},
		"/quit and a full disk":         {nil, full, exitError, "the last messages are not saved: disk full"},
		"/quit":                         {nil, nil, 0, ""},
	} {
		r := &run{log: slog.New(slog.DiscardHandler), group: group.New(context.Background(), nil)}
		r.cfg.Store = closing{err: tc.saved}
		r.ui.run = func(context.Context, *node.Node) error { return tc.ended }
		r.ui.close = func() error { return nil }
		err := r.wait(t.Context())
		if got := exitCode(err); got != tc.code {
			t.Errorf("%s: exit code %d, want %d", name, got, tc.code)
		}
		news := ""
		if err := withoutOwnDoing(err); err != nil {
			news = err.Error()
		}
		if news != tc.news {
			t.Errorf("%s: says %q, want %q", name, news, tc.news)
		}
	}
}
