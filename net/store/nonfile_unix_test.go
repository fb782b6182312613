//go:build unix

package store

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// A named pipe in the file's place is moved aside: opening it would hang without a writer at its
// other end, and would hang a copier, too.
func TestPipeIsMovedAside(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			if err := put(cfg.Path); err != nil {
				t.Skip(err)
			}
			if _, err := Snapshot(t.Context(), cfg.Path, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no file") {
				t.Errorf("copied: %v", err)
			}
			d := open(t, cfg)
			if s := d.Status(); s.Aside == "" || s.NotSaved != nil {
				t.Errorf("status %+v", s)
			}
			appendAll(t, d, conversation(5, 1))
			settle(t, d)
			d.Close()
		})
	}
}
