package conversation

import (
	"errors"
	"strings"
	"testing"
)

func TestBackfillFollowsTheReader(t *testing.T) {
	r := newRoom(t, remembered(1000)...)
	r.mustShow("memory 999")
	for range 100 {
		r.c.Messages.ScrollPages(-1)
		r.update()
	}
	r.mustShow("memory 0\n")
	r.node.calls = nil
	r.c.Messages.ScrollPages(1)
	r.c.Messages.ScrollPages(-1)
	r.update()
	r.mustHaveCalled("history") // there is no more
	if hits := r.c.Messages.Search("memory"); hits != 1000 {
		t.Errorf("%d messages are loaded, want 1000", hits)
	}
}

func TestBackfillWaitsForTheNode(t *testing.T) {
	r := newRoom(t, remembered(10)...)
	r.c = New(r.c.cfg)
	r.c.Messages.SetSize(100, 20)
	r.c.RequestBackfill()
	if len(r.reads) != 0 {
		t.Error("a node that doesn't run yet was asked")
	}
}

func TestScrollToStart(t *testing.T) {
	r := newRoom(t, remembered(12_000)...)
	r.c.ScrollToStart()
	r.update()
	r.mustShow("memory 0\n", "memory 1\n")
	if r.status != "" {
		t.Errorf("the status line still says %q", r.status)
	}
	r.c.Messages.ScrollToEnd()
	r.mustShow("memory 11999")
}

func TestStopScrolling(t *testing.T) {
	r := newRoom(t, remembered(12_000)...)
	r.c.ScrollToStart()
	if !strings.HasPrefix(r.status, "Loading") {
		t.Errorf("the status line says %q", r.status)
	}
	r.c.StopScrolling()
	r.c.Messages.ScrollToEnd()
	r.update()
	r.mustShow("memory 11999")
	if r.status != "" {
		t.Errorf("the status line still says %q", r.status)
	}
}

func TestScrollToStartStopsWhereMemoryEnds(t *testing.T) {
	r := newRoom(t, remembered(120_000)...)
	r.c.ScrollToStart()
	r.update()
	if !strings.HasPrefix(r.status, "Older messages") {
		t.Errorf("the status line says %q", r.status)
	}
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	r := roomWith(t, &fakeNode{past: remembered(5), readErr: errors.New("the disk is gone")})
	if !strings.Contains(r.status, "the disk is gone") {
		t.Errorf("the status line says %q", r.status)
	}
	r.node.calls = nil
	r.update()
	r.mustHaveCalled("history") // it isn't tried again
}
