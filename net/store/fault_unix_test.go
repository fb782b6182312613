//go:build unix

package store

import (
	"os"
	"testing"
)

// A file that is truncated while it is mapped faults when it is read. The store treats that as
// damage.
func TestTruncatedInUse(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(500, 2)
	appendAll(t, d, talk)
	settle(t, d)
	if err := os.Truncate(cfg.Path, 2*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadBefore(t.Context(), OrderKey{}, 100); err != nil {
		t.Errorf("read: %v", err)
	}
	if s := d.Status(); s.Aside == "" || s.NotSaved != nil {
		t.Errorf("status %+v, want a file aside", s)
	}
	appendAll(t, d, talk) // as peers send them again
	settle(t, d)
	if n := len(everything(t, d)); n != len(talk) {
		t.Errorf("%d records, want %d", n, len(talk))
	}
}
