package lines

import (
	"strings"
	"testing"
)

// Once text was cut off, nothing follows it: a reader gets a beginning, never lines with a hole.
func TestWhatIsCutOffHasNoHole(t *testing.T) {
	o := newOutput(Config{})
	for range 5 * maxQueued / 1000 {
		o.add(false, strings.Repeat("x", 1000))
	}
	if o.size > 4*maxQueued+1000 || o.size < 4*maxQueued {
		t.Errorf("%d bytes wait", o.size)
	}
	o.mu.Lock()
	o.queue, o.size = nil, 0 // as run does
	o.mu.Unlock()
	if o.add(false, "after the hole"); len(o.queue) != 0 {
		t.Errorf("queued: %q", o.queue[0].text)
	}
}
