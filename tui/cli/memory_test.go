package cli

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/group"
)

// The heap may reach roomyHeap while little is in use, and as much as Go has it otherwise.
func TestPace(t *testing.T) {
	for _, c := range []struct{ live, roots, goal uint64 }{
		{0, 1 << 20, roomyHeap}, {1 << 20, 1 << 20, roomyHeap}, {2 << 20, 1 << 20, roomyHeap}, {3 << 20, 1 << 20, roomyHeap},
		{6 << 20, 0, roomyHeap}, {6 << 20, 1 << 20, 13 << 20}, {12 << 20, 1 << 20, 25 << 20}, {100 << 20, 2 << 20, 202 << 20},
	} {
		percent := uint64(pace(c.live, c.roots))
		goal := max(c.live+(c.live+c.roots)*percent/100, 4<<20*percent/100) // see runtime/mgcpacer.go
		if goal > c.goal || goal < c.goal-c.goal/50 {
			t.Errorf("%d bytes live, %d roots: %d %%, collected at %d, want at %d", c.live, c.roots, percent, goal, c.goal)
		}
	}
}

var inUse []byte

// The pace follows what is in use after each collection, and is the one of before in the end.
func TestPaceFollowsCollections(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(70))
	p := newPacer()
	for _, bytes := range []int{32 << 20, 0, 32 << 20} {
		inUse = make([]byte, bytes)
		isRoomy, want := true, bytes == 0
		for range 1000 { // the pace is set a moment after the collection
			runtime.GC()
			if isRoomy = readBytes("/gc/gogc:percent") > 100; isRoomy == want {
				break
			}
		}
		if isRoomy != want {
			t.Errorf("%d %% with %d bytes in use", readBytes("/gc/gogc:percent"), bytes)
		}
	}
	p.end()
	for range 3 {
		runtime.GC()
	}
	if got := readBytes("/gc/gogc:percent"); got != 70 {
		t.Errorf("%d %% in the end, want 70 as before", got)
	}
}

// Garbage goes back once it has been quiet for three looks, if there is enough, and not again before there is as much
// more.
func TestGarbageGoesBack(t *testing.T) {
	var allocated, live uint64
	returns := 0
	m := memory{allocated: func() uint64 { return allocated }, live: func() uint64 { return live }, giveBack: func() { returns++ }}
	for i, c := range []struct {
		more, live uint64 // until the next look, and then
		want       int
	}{
		{5 << 20, 0, 0},    // a start
		{quietBytes, 0, 0}, // still much
		{1000, 2 << 20, 0}, // quiet, but a burst may follow
		{1000, 2 << 20, 0},
		{quietBytes, 0, 0}, // it did
		{1000, 2 << 20, 0},
		{1000, 2 << 20, 0},
		{1000, 2 << 20, 1},        // quiet, with what the start has left
		{1000, 2 << 20, 0},        // nothing since
		{returnBytes / 2, 0, 0},   // not enough
		{returnBytes / 2, 0, 1},   // enough by now
		{returnBytes, 8 << 20, 0}, // little beside what is in use
		{returnBytes, 8 << 20, 0},
		{returnBytes, 8 << 20, 0},
		{returnBytes, 8 << 20, 1},
	} {
		allocated, live, returns = allocated+c.more, c.live, 0
		if m.look(); returns != c.want {
			t.Errorf("look %d: returned %d times, want %d", i, returns, c.want)
		}
	}
}

// The memory is looked at every memoryTick, until the run ends.
func TestMemoryIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		m := memory{allocated: func() uint64 { looks.Add(1); return 0 }, live: liveBytes, giveBack: debug.FreeOSMemory}
		g := group.New(t.Context(), nil)
		defer g.Close()
		g.Go("memory", m.run)
		time.Sleep(10*memoryTick + time.Nanosecond)
		if n := looks.Load(); n != 10 {
			t.Errorf("%d looks in %v", n, 10*memoryTick)
		}
	})
}
