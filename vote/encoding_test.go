package vote_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chat.lan/p2pchat/vote"
)

// codec decodes data of a kind and encodes what it read.
var codec = map[string]func([]byte) ([]byte, error){
	"proposal": func(data []byte) ([]byte, error) {
		p, err := vote.DecodeProposal(data)
		if err != nil {
			return nil, err
		}
		return vote.EncodeProposal(&p)
	},
	"ballot": func(data []byte) ([]byte, error) {
		b, err := vote.DecodeBallot(data)
		if err != nil {
			return nil, err
		}
		return vote.EncodeBallot(b)
	},
	"cancel": func(data []byte) ([]byte, error) {
		c, err := vote.DecodeCancel(data)
		if err != nil {
			return nil, err
		}
		return vote.EncodeCancel(c)
	},
}

var expected = map[string]error{
	"ok": nil, "malformed": vote.ErrMalformed, "canonical": vote.ErrNotCanonical,
	"invalid": vote.ErrInvalid, "roll": vote.ErrRoll, "need": vote.ErrNeed,
}

type vector struct {
	name, kind, expect string
	data               []byte
}

func dataVectors(t testing.TB) []vector {
	files, err := filepath.Glob(filepath.Join(vectors, "data", "*.txt"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d vectors: %v", len(files), err)
	}
	var out []vector
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, data, _ := strings.Cut(string(text), "\n\n")
		v := vector{name: filepath.Base(file), data: []byte(strings.TrimSuffix(data, "\n"))}
		for _, line := range strings.Split(head, "\n") {
			if kind, is := strings.CutPrefix(line, "kind: "); is {
				v.kind = kind
			}
			if expect, is := strings.CutPrefix(line, "expect: "); is {
				v.expect = expect
			}
		}
		out = append(out, v)
	}
	return out
}

func TestDataVectors(t *testing.T) {
	for _, v := range dataVectors(t) {
		want, known := expected[v.expect]
		if codec[v.kind] == nil || !known {
			t.Fatalf("%s: kind %q, expect %q", v.name, v.kind, v.expect)
		}
		again, err := codec[v.kind](v.data)
		if want == nil && (err != nil || !bytes.Equal(again, v.data)) {
			t.Errorf("%s: %v, again %s", v.name, err, again)
		}
		if want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", v.name, err, want)
		}
		// Data that is canonical for a kind is refused as any other kind.
		for kind, other := range codec {
			if _, err := other(v.data); kind != v.kind && want == nil && err == nil {
				t.Errorf("%s reads as a %s", v.name, kind)
			}
		}
	}
}

// TestBitFlips flips each bit of good data: what still reads is other data that encodes to itself,
// and so has other signed bytes.
func TestBitFlips(t *testing.T) {
	for _, v := range dataVectors(t) {
		if v.expect != "ok" {
			continue
		}
		for i := range len(v.data) * 8 {
			flipped := bytes.Clone(v.data)
			flipped[i/8] ^= 1 << (i % 8)
			if again, err := codec[v.kind](flipped); err == nil && !bytes.Equal(again, flipped) {
				t.Fatalf("%s: bit %d: %s reads as %s", v.name, i, flipped, again)
			}
		}
	}
}

func TestTooMuchData(t *testing.T) {
	data := []byte(`{"proposal":"` + strings.Repeat("a", vote.MaxData) + `"}`)
	for kind, c := range codec {
		if _, err := c(data); !errors.Is(err, vote.ErrMalformed) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func fuzz(f *testing.F, kind string) {
	for _, v := range dataVectors(f) {
		if v.kind == kind {
			f.Add(v.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := codec[kind](data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%q reads as %q", data, again)
		}
	})
}

func FuzzDecodeProposal(f *testing.F) { fuzz(f, "proposal") }
func FuzzDecodeBallot(f *testing.F)   { fuzz(f, "ballot") }
func FuzzDecodeCancel(f *testing.F)   { fuzz(f, "cancel") }
