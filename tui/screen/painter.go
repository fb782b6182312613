package screen

import (
	"context"
	"errors"
	"sync"
	"time"

	"chat.lan/p2pchat/net/group"
)

// minGap is the least time between the starts of two frames. A key after a pause is drawn at once; a
// flood of messages is drawn 125 times a second.
const minGap = 8 * time.Millisecond

// display is the device that a painter draws on.
type display interface {
	// countTakes returns how often the terminal was taken. Each time it is empty.
	countTakes() uint64
	// write writes all of b, which was composed for a terminal that was taken so often. errReleased says that
	// the terminal isn't ours at the moment, or was taken again meanwhile.
	write(b []byte, takes uint64) error
	// size returns the number of columns and rows now.
	size() (width, height int)
}

// painter draws frames. A goroutine runs it; the other methods may be called from any goroutine, and
// don't wait.
type painter struct {
	display display
	compose func(width, height int) (Frame, bool)
	dirty   chan struct{} // capacity 1

	mu struct {
		sync.Mutex
		full  bool   // assume nothing about the terminal's content
		extra []byte // sequences to write with the next frame
	}

	// Only run uses these.
	shown shown  // the terminal's content
	takes uint64 // how often the terminal was taken when that was composed
	buf   []byte
}

func newPainter(d display, compose func(width, height int) (Frame, bool)) *painter {
	p := &painter{display: d, compose: compose, dirty: make(chan struct{}, 1)}
	p.mu.full = true
	return p
}

// markDirty notes that the screen may be out of date.
func (p *painter) markDirty() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// repaint notes that the whole screen is out of date.
func (p *painter) repaint() {
	p.mu.Lock()
	p.mu.full = true
	p.mu.Unlock()
	p.markDirty()
}

// maxExtra bounds the sequences that wait for a terminal that takes no output.
const maxExtra = 1 << 20

// send queues a control sequence that moves neither cursor nor text.
func (p *painter) send(sequence string) {
	p.mu.Lock()
	if len(p.mu.extra)+len(sequence) <= maxExtra {
		p.mu.extra = append(p.mu.extra, sequence...)
	}
	p.mu.Unlock()
	p.markDirty()
}

// run draws until ctx ends, or until writing fails.
func (p *painter) run(ctx context.Context) error {
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.dirty:
		}
		if wait := minGap - time.Since(last); wait > 0 {
			if !group.Sleep(ctx, wait, nil) {
				return nil
			}
			// Marks of the meantime are part of this frame.
			select {
			case <-p.dirty:
			default:
			}
		}
		last = time.Now()
		if err := p.draw(); err != nil {
			return err
		}
	}
}

// draw composes a frame and writes the changes, in a single write.
func (p *painter) draw() error {
	takes := p.display.countTakes() // before anything is composed for what the terminal shows now
	p.mu.Lock()
	full := p.mu.full || takes != p.takes
	p.mu.full = false
	b := append(p.buf[:0], p.mu.extra...)
	p.mu.extra = p.mu.extra[:0]
	p.mu.Unlock()

	// The size is asked for every frame (a microsecond). A frame then never has the old size while the
	// signal of a resize is still on its way.
	width, height := p.display.size()
	frame, ok := p.compose(width, height)
	if !ok {
		return nil
	}
	now := p.shown.next(frame, width, height)
	b = appendDiff(b, &p.shown, &now, full)
	p.shown, p.takes, p.buf = now, takes, b
	if len(b) == 0 {
		return nil
	}
	err := p.display.write(b, takes)
	if errors.Is(err, errReleased) {
		// Retaking the terminal marks a frame as due; until then drawing is pointless.
		p.mu.Lock()
		p.mu.full = true
		p.mu.Unlock()
		return nil
	}
	return err
}
