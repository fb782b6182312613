//go:build unix

package profile

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Named pipes in the place of a profile's files don't hold up the start.
func TestPipesInAProfile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{knownName, "log"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	p := open(t, dir)
	if w := p.Warnings(); len(w) != 1 || !strings.Contains(w[0], "not a file") || !strings.Contains(w[0], ".damaged") {
		t.Errorf("warnings %q", w)
	}
	if _, err := p.OpenLog(); err == nil || !strings.Contains(err.Error(), "--log") {
		t.Errorf("a log that nobody reads: %v", err)
	}
	if err := p.Known().SetIgnored("bob", true); err != nil {
		t.Errorf("known.json can't be written anew: %v", err)
	}
}
