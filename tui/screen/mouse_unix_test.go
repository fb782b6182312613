//go:build unix

package screen

import (
	"strings"
	"testing"
)

// The mouse can be turned on while the program runs. It is given back with the terminal, and turned on
// again when the terminal is retaken.
func TestSetMouse(t *testing.T) {
	r := run(t, 40, 5)
	r.see("[]")
	if strings.Contains(r.output(), mouseOn) {
		t.Fatal("the mouse is on from the start")
	}
	r.screen.SetMouse(true)
	r.hear(mouseOn)
	r.key("\x1b[<64;3;2M")
	r.see("wheel up")

	before := len(r.output())
	r.screen.term.leave()
	if err := r.retake(); err != nil {
		t.Fatal(err)
	}
	r.waitFor("both ways of a release", func(out, _ string) bool {
		off := strings.Index(out[before:], mouseOff)
		return off >= 0 && strings.Contains(out[before+off:], mouseOn)
	})

	before = len(r.output())
	r.screen.SetMouse(false)
	r.waitFor("the end of the mouse", func(out, _ string) bool { return strings.Contains(out[before:], mouseOff) })
	r.key("q")
	if err := r.end(); err != nil {
		t.Error(err)
	}
	r.hear("\x1b[?1049l")
}
