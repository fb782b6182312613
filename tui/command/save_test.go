package command

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// saving returns a Save that writes text.
func saving(path, text string) Save {
	return Save{Path: path, Fill: func(w io.Writer) (string, error) {
		_, err := io.WriteString(w, text)
		return "done", err
	}}
}

func TestSaveKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proof")
	if a, ok := saving(path, "one").Write().(Info); !ok || a.Text != "done" {
		t.Errorf("%v", a)
	}
	if _, ok := saving(path, "two").Write().(Fail); !ok {
		t.Error("it wrote over a file")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
}
