//go:build unix

package store

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// What stands where the file should be and is none is put aside: to open a pipe nobody writes to would
// hang for ever, and a copier with it.
func TestNoFileAside(t *testing.T) {
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
