package command

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSaveKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proof")
	if a, ok := (Save{Path: path, Data: []byte("one"), Done: "done"}).Write().(Info); !ok || a.Text != "done" {
		t.Errorf("%v", a)
	}
	if _, ok := (Save{Path: path, Data: []byte("two")}).Write().(Fail); !ok {
		t.Error("it wrote over a file")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
}
