//go:build unix

package screen

import "golang.org/x/term"

// consoleMode holds the modes from before makeRaw.
type consoleMode struct{ in *term.State }

// makeRaw puts the terminal in raw mode and returns its mode from before.
func makeRaw(in, _ int) (*consoleMode, error) {
	state, err := term.MakeRaw(in)
	return &consoleMode{state}, err
}

func (m *consoleMode) restore(in, _ int) error { return term.Restore(in, m.in) }

// holds reports whether the terminal is ours.
func (t *terminal) holds() bool {
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	return t.held
}
