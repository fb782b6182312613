package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Shared locks live beside each other, an exclusive lock beside none, and a lock ends with its file.
func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second, third := open(), open(), open()
	for _, step := range []struct {
		name      string
		file      *os.File
		exclusive bool
		want      error
	}{
		{"shared", first, false, nil},
		{"shared beside shared", second, false, nil},
		{"exclusive beside shared", third, true, ErrHeld},
	} {
		if err := Try(step.file, step.exclusive); !errors.Is(err, step.want) {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	first.Close()
	second.Close()
	if err := Try(third, true); err != nil {
		t.Error("after the others closed:", err)
	}
	if err := Try(open(), false); !errors.Is(err, ErrHeld) {
		t.Error("shared beside exclusive:", err)
	}
}
