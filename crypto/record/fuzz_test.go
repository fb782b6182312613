package record

import (
	"strings"
	"testing"
)

// FuzzRecord: whatever Parse takes is what encoding/json makes of it, to the byte, so that no text
// has two readings and no record two texts; and nothing panics.
func FuzzRecord(f *testing.F) {
	for _, v := range readVectors(f) {
		if len(v.body) < 1<<10 {
			f.Add(v.body, v.signature)
		}
	}
	f.Fuzz(func(t *testing.T, body string, signature []byte) {
		c, err := Parse(body, signature)
		if err != nil {
			if c != nil {
				t.Error("a claim beside an error")
			}
			return
		}
		r := &Record{*c}
		if r.Signed() != body || string(r.Signature()) != string(signature) {
			t.Error("the claim's bytes are not those that came")
		}
		sameByEncodingJSON(t, r)
		if r.Kind().traits().key != "" && strings.ContainsFunc(r.Text()+r.Name(), func(r rune) bool {
			return r < 0x20 && r != '\n' && r != '\t' || r == 0x7f
		}) {
			t.Errorf("control characters in %q", r.Text()+r.Name())
		}
	})
}
