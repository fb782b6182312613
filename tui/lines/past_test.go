package lines

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/event"

	"github.com/google/go-cmp/cmp"
)

// rememberingNode is a node with lines of earlier runs, one a minute until its start, and one that came since.
type rememberingNode struct {
	*fakeNode
	lines []event.Line
}

func newRememberingNode(lines int, text string) *rememberingNode {
	n := &rememberingNode{fakeNode: newFakeNode()}
	for i := range lines + 1 {
		l := said(person(2, "Bob"), fmt.Sprint(i, text)).Line
		l.History = true
		l.Arrived = n.Self().Started.Add(time.Duration(i-lines) * time.Minute)
		l.Place.Ms = int64(i) + 1
		n.lines = append(n.lines, l)
	}
	return n
}

func (n *rememberingNode) Self() event.Self {
	s := self()
	s.Started = noon
	return s
}

// History gives at most three at a time, as a store may.
func (n *rememberingNode) History(_ context.Context, before event.Place, most int) ([]event.Line, error) {
	end := len(n.lines)
	if before != (event.Place{}) {
		end = int(before.Ms) - 1
	}
	return append([]event.Line(nil), n.lines[max(0, end-min(3, most)):end]...), nil
}

func TestItBeginsWithLinesOfBefore(t *testing.T) {
	for _, c := range []struct{ asked, first int }{{0, 10}, {1, 9}, {4, 6}, {10, 0}, {1000, 0}} {
		r := start(Config{In: strings.NewReader(""), JSON: true, History: c.asked})
		r.mode.Post(event.Ready{Self: self()})
		if err := r.mode.Run(t.Context(), newRememberingNode(10, " of before")); err != nil {
			t.Error(err)
		}
		r.stop(t)
		var got, want []string
		for line := range strings.Lines(r.out.String()) {
			if _, content, ok := strings.Cut(line, `"content":"`); ok {
				content, _, _ = strings.Cut(content, `"`)
				got = append(got, content)
			}
		}
		for i := c.first; i < 10; i++ {
			want = append(want, fmt.Sprint(i, " of before"))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%d lines of before:\n%s", c.asked, d)
		}
	}
}

// Ctrl+C ends it also while a reader that has stopped holds up what was said before.
func TestASignalEndsTheLinesOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		r := start(Config{In: cancelableReader{make(chan struct{})}, Out: g, History: 1000})
		r.mode.Post(event.Ready{Self: self()})
		ctx, cancel := context.WithCancelCause(t.Context())
		signal := errors.New("SIGINT")
		ended := make(chan error, 1)
		r.group.Go("run", func(context.Context) { ended <- r.mode.Run(ctx, newRememberingNode(1000, strings.Repeat("x", 1000))) })
		synctest.Wait()
		cancel(signal)
		synctest.Wait()
		select {
		case err := <-ended:
			if !errors.Is(err, signal) {
				t.Error(err)
			}
		default:
			t.Error("it goes on waiting for the reader")
		}
		close(g.open)
		r.stop(t)
	})
}
