package record

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const vectors = "../../testdata/record"

// vector is a file of testdata/record; README.txt there has its form.
type vector struct {
	name      string
	head      map[string]string
	body      string
	signature []byte
}

func readVectors(tb testing.TB) []vector {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, "*.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	var out []vector
	for _, f := range files {
		if filepath.Base(f) == "README.txt" {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		head, body, ok := strings.Cut(string(text), "\n\n")
		body, newline := strings.CutSuffix(body, "\n")
		if !ok || !newline {
			tb.Fatalf("%s is not a vector", f)
		}
		v := vector{name: strings.TrimSuffix(filepath.Base(f), ".txt"), head: map[string]string{}, body: body}
		for line := range strings.Lines(head) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			v.head[key] = strings.TrimSpace(value)
		}
		if v.signature, err = base64.StdEncoding.DecodeString(v.head["sig"]); err != nil {
			tb.Fatalf("%s: %v", f, err)
		}
		out = append(out, v)
	}
	if len(out) < 100 {
		tb.Fatalf("%d vectors in %s: some are missing", len(out), vectors)
	}
	return out
}

func TestVectors(t *testing.T) {
	kinds := []struct {
		name string
		err  error
	}{
		{"malformed", ErrMalformed}, {"not-canonical", ErrNotCanonical}, {"text", ErrText},
		{"too-long", ErrTooLong}, {"signature", ErrSignature},
	}
	for _, v := range readVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			c, err := Parse(v.body, v.signature)
			var r *Record
			if err == nil {
				r, err = c.Verify()
			} else if errors.Is(err, ErrSignature) || c != nil {
				t.Errorf("Parse: %v, %v", c, err)
			}
			got := "ok"
			if err != nil {
				got = err.Error()
			}
			for _, k := range kinds {
				if errors.Is(err, k.err) {
					got = k.name
				}
			}
			if got != v.head["expect"] {
				t.Fatalf("%s (%v), want %s: %s", got, err, v.head["expect"], v.head["note"])
			}
			if err != nil {
				return
			}
			if r.ID().String() != v.head["id"] || c.ID() != r.ID() {
				t.Errorf("id %s, want %s", r.ID(), v.head["id"])
			}
			if r.Signed() != v.body {
				t.Error("the record's bytes are not those that were signed")
			}
			sameByEncodingJSON(t, r)
		})
	}
}
