//go:build unix

package identity

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A named pipe or a device in the file's place is an error at once: reading it would wait for ever.
func TestNoFileIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, fileName), 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := LoadOrCreate(dir); err == nil || !strings.Contains(err.Error(), "is no file") || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v", err)
	}
}
