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

// After a flood the output keeps one short buffer.
func TestEmptyChunks(t *testing.T) {
	short, long := []byte("a line"), []byte(strings.Repeat("x", 2*pieceSize))
	for _, c := range []struct {
		name  string
		texts [][]byte
		keeps bool
	}{
		{"a short one", [][]byte{short}, true},
		{"the first of several", [][]byte{short, short, long}, true},
		{"none that is long", [][]byte{long, short}, false},
	} {
		var chunks []chunk
		for i, text := range c.texts {
			chunks = append(chunks, chunk{i%2 == 1, append([]byte(nil), text...)})
		}
		for i, got := range emptyChunks(chunks) {
			if kept := cap(got.text) > 0; len(got.text) != 0 || kept != (c.keeps && i == 0) {
				t.Errorf("%s: chunk %d has %d bytes and room for %d", c.name, i, len(got.text), cap(got.text))
			}
		}
	}
}
