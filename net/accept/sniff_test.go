package accept

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzSniff checks that how reads split a stream changes nothing of what it is, that sniff names the byte
// that decides, and that a browser's request never becomes a message.
func FuzzSniff(f *testing.F) {
	files, err := filepath.Glob("../../testdata/plain/*.txt")
	if err != nil || len(files) < 50 {
		f.Fatalf("%d vectors: %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, payload, _ := strings.Cut(string(data), "\n\n")
		f.Add([]byte(strings.TrimSuffix(payload, "\n")))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		k, at := sniff(stream, 0)
		split := unknown
		for i := 0; i < len(stream) && split == unknown; i++ {
			if split, _ = sniff(stream[i:i+1], i); split != unknown && i != at {
				t.Fatalf("decided at %d, not %d", i, at)
			}
		}
		if k != split || (k == unknown) != (len(bytes.Trim(stream, " \t\r\n")) == 0) {
			t.Fatalf("%d in one read, %d in many", k, split)
		}
		line, _, whole := strings.Cut(string(stream), "\n")
		if isHTTP(line, true) && !isHTTP(line, false) {
			t.Errorf("%q is HTTP only when it is whole", line)
		}
		if words := strings.Fields(line); whole && len(words) == 3 && words[0] == "POST" && strings.HasPrefix(words[1], "/") && words[2] == "HTTP/1.1" && !isHTTP(line, true) {
			t.Errorf("%q is a request", line)
		}
	})
}
