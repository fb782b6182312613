package cli

import (
	"errors"
	"sync"

	"chat.lan/p2pchat/net/profile"
)

// openBeside opens the profile of name, or while that is in use one for the command line: NAME-cli, or
// DIR-cli with --profile.
func (o *options) openBeside(name string) (*profile.Profile, string, error) {
	dir := o.profile
	if dir == "" {
		dir = profile.Dir(name)
	}
	p, err := profile.Open(dir)
	if !errors.As(err, new(*profile.InUseError)) {
		return p, name, err
	}
	const suffix = "-cli"
	name = profile.WithSuffix(name, suffix)
	if o.profile != "" {
		p, err = profile.Open(o.profile + suffix)
		return p, name, err
	}
	return profile.OpenFree(name)
}

// silence is an input in which nobody types.
type silence struct {
	over chan struct{}
	once sync.Once
}

func newSilence() *silence { return &silence{over: make(chan struct{})} }

// Read waits for Cancel.
func (s *silence) Read([]byte) (int, error) {
	<-s.over
	return 0, errSilence
}

// errSilence ends a Read that was cancelled.
var errSilence = errors.New("nothing was typed")

// Cancel ends Read.
func (s *silence) Cancel() bool {
	s.once.Do(func() { close(s.over) })
	return true
}
