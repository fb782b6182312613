package cli

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	roomyHeap   = 12 << 20         // bytes that the heap may reach before garbage is collected, whatever is in use
	mostPercent = 300              // Go's least heap is 4 MiB for each hundred percent
	memoryTick  = 10 * time.Second // between two looks at the memory
	quietBytes  = 4 << 20          // allocated in a tick: less is quiet
	quietTicks  = 3                // in a row, before garbage goes back
	returnBytes = 512 << 10        // less garbage than this stays
)

// keepMemory lets the heap grow while the program is busy, and returns garbage once it is quiet, until ctx ends.
//
// Go collects when as much was allocated as is in use, or 4 MiB. In a room of fifty about 2 MiB are in use, so a start or
// a burst of messages would collect several times. Here the heap may reach roomyHeap first. What that leaves goes back to
// the system once it has been quiet for half a minute: the next burst would have to ask the system for it again.
func keepMemory(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return // the user's setting wins
	}
	p := newPacer()
	defer p.end()
	m := memory{allocated: allocatedBytes, live: liveBytes, giveBack: debug.FreeOSMemory}
	m.run(ctx)
}

// pacer sets the collector's pace after each collection, until end.
type pacer struct {
	before int // percent

	mu    sync.Mutex
	ended bool
}

// newPacer sets the pace for the first time.
func newPacer() *pacer {
	p := &pacer{before: debug.SetGCPercent(mostPercent)}
	p.awaitCollection()
	return p
}

// awaitCollection has afterCollection called after the next collection: it takes an object that nothing holds.
func (p *pacer) awaitCollection() {
	runtime.AddCleanup(&struct{ *pacer }{p}, (*pacer).afterCollection, p)
}

func (p *pacer) afterCollection() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	debug.SetGCPercent(pace(liveBytes(), readBytes("/gc/scan/stack:bytes")+readBytes("/gc/scan/globals:bytes")))
	p.awaitCollection()
}

// end sets the pace of before.
func (p *pacer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	debug.SetGCPercent(p.before)
}

// pace returns how much may be allocated until the next collection, in percent of live and roots, the bytes of stacks and
// globals. The heap may grow to roomyHeap, or by 100 percent where that is more.
func pace(live, roots uint64) int {
	left := roomyHeap - min(live, roomyHeap)
	return int(min(max(100, left*100/max(live+roots, 1)), mostPercent))
}

// memory returns garbage to the system when it is quiet.
type memory struct {
	allocated func() uint64 // bytes since the program started
	live      func() uint64 // bytes in use
	giveBack  func()

	seen     uint64 // allocated at the last look
	quiet    int    // looks in a row at which it was quiet
	returned uint64 // allocated when garbage was last returned
}

// run looks after the memory until ctx ends.
func (m *memory) run(ctx context.Context) {
	tick := time.NewTicker(memoryTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.look()
		}
	}
}

// look returns garbage if it has been quiet for quietTicks and there is enough.
func (m *memory) look() {
	allocated := m.allocated()
	m.quiet++
	if allocated-m.seen >= quietBytes {
		m.quiet = 0
	}
	m.seen = allocated
	if m.quiet >= quietTicks && allocated-m.returned >= max(returnBytes, m.live()/4) {
		m.returned = allocated
		m.giveBack()
	}
}

func allocatedBytes() uint64 { return readBytes("/gc/heap/allocs:bytes") }
func liveBytes() uint64      { return readBytes("/gc/heap/live:bytes") }

// readBytes returns a metric of package runtime.
func readBytes(name string) uint64 {
	samples := []metrics.Sample{{Name: name}}
	metrics.Read(samples)
	return samples[0].Value.Uint64()
}
