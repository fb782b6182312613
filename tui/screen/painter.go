package screen

import (
	"context"
	"errors"
	"sync"
	"time"
)

// minGap is the least time between the starts of two frames (DESIGN.md §11). A key that is pressed
// after a pause is drawn at once; a flood of messages is drawn 125 times a second.
const minGap = 8 * time.Millisecond

// display is what a painter draws on.
type display interface {
	// write writes all of b; errReleased says that the terminal isn't ours at the moment.
	write(b []byte) error
	// size is the number of columns and rows now.
	size() (width, height int)
}

// painter draws frames. One goroutine runs it; the other methods may be called from any and don't
// wait.
type painter struct {
	display display
	compose func(width, height int) (Frame, bool)
	dirty   chan struct{} // capacity 1

	mu    sync.Mutex
	full  bool   // guarded by mu; assume nothing about what the terminal shows
	extra []byte // guarded by mu; sequences to write with the next frame

	shown shown  // what the terminal shows; run only
	buf   []byte // run only
}

func newPainter(d display, compose func(width, height int) (Frame, bool)) *painter {
	return &painter{display: d, compose: compose, dirty: make(chan struct{}, 1), full: true}
}

// mark says that the screen may be out of date.
func (p *painter) mark() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// repaint says that the whole screen is out of date.
func (p *painter) repaint() {
	p.mu.Lock()
	p.full = true
	p.mu.Unlock()
	p.mark()
}

// maxExtra bounds what waits for a terminal that takes no output.
const maxExtra = 1 << 20

// send queues a control sequence that moves neither cursor nor text.
func (p *painter) send(sequence string) {
	p.mu.Lock()
	if len(p.extra)+len(sequence) <= maxExtra {
		p.extra = append(p.extra, sequence...)
	}
	p.mu.Unlock()
	p.mark()
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
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-timer.C:
			}
			// What was marked meanwhile is part of this frame.
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

// draw composes one frame and writes what changed, in one write.
func (p *painter) draw() error {
	p.mu.Lock()
	full := p.full
	p.full = false
	b := append(p.buf[:0], p.extra...)
	p.extra = p.extra[:0]
	p.mu.Unlock()

	// The size is asked for every frame (a microsecond), so that a frame never has the size of
	// before a resize whose signal is still on its way.
	width, height := p.display.size()
	frame, ok := p.compose(width, height)
	if !ok {
		return nil
	}
	now := p.shown.next(frame, width, height)
	b = appendDiff(b, &p.shown, &now, full)
	p.shown, p.buf = now, b
	if len(b) == 0 {
		return nil
	}
	err := p.display.write(b)
	if errors.Is(err, errReleased) {
		// Retaking the terminal marks a repaint; until then drawing is pointless.
		p.mu.Lock()
		p.full = true
		p.mu.Unlock()
		return nil
	}
	return err
}
