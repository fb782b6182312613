//go:build unix

package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A read-only backup can be copied, with its lock file and without.
func TestSnapshotOfReadOnlyFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	for _, locked := range []bool{true, false} {
		t.Run(fmt.Sprint("lock file ", locked), func(t *testing.T) {
			cfg := config(t)
			d := open(t, cfg)
			appendAll(t, d, conversation(5, 1))
			settle(t, d)
			d.Close()
			if !locked {
				if err := os.Remove(flockName(cfg.Path)); err != nil {
					t.Fatal(err)
				}
			}
			dir := filepath.Dir(cfg.Path)
			files, _ := filepath.Glob(filepath.Join(dir, "*"))
			for _, f := range files {
				if err := os.Chmod(f, 0o400); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, 0o500); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(dir, 0o700) })
			if _, err := Snapshot(t.Context(), cfg.Path, t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}
