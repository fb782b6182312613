//go:build unix

package screen

import "golang.org/x/term"

// makeRaw puts the terminal in raw mode; restore puts it back into its mode from before.
func makeRaw(in, _ int) (restore func(), err error) {
	state, err := term.MakeRaw(in)
	return func() { _ = term.Restore(in, state) }, err
}

// holds reports whether the terminal is ours.
func (t *terminal) holds() bool {
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	return t.held
}
