package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// all reads a stream to its end.
func all(r io.Reader) (objects []string, err error) {
	o := NewObjectReader(r)
	for {
		object, err := o.Next()
		if err != nil {
			return objects, err
		}
		objects = append(objects, string(object))
	}
}

func TestObjectReader(t *testing.T) {
	longest := `{"x":"` + strings.Repeat("y", MaxObject-8) + `"}`
	for _, tc := range []struct {
		name, in string
		want     []string
		err      error
	}{
		{"nothing", "", nil, io.EOF},
		{"white space", " \r\n\t", nil, io.EOF},
		{"one", `{"a":1}`, []string{`{"a":1}`}, io.EOF},
		{"back to back", `{"a":1}{}{"b":{}}`, []string{`{"a":1}`, `{}`, `{"b":{}}`}, io.EOF},
		{"space between", " {} \n{} ", []string{`{}`, `{}`}, io.EOF},
		{"braces in strings", `{"}":"{"}{"\"}":"\\"}{}`, []string{`{"}":"{"}`, `{"\"}":"\\"}`, `{}`}, io.EOF},
		{"not JSON but braces", `{nonsense]}{}`, []string{`{nonsense]}`, `{}`}, io.EOF},
		{"longest", longest + `{}`, []string{longest, `{}`}, io.EOF},
		{"too long", strings.Replace(longest, "y", "yy", 1), nil, ErrObjectSize},
		{"never ends", strings.Repeat(`{`, MaxObject+1), nil, ErrObjectSize},
		{"text", `{}hello`, []string{`{}`}, ErrNoObject},
		{"array", `[{}]`, nil, ErrNoObject},
		{"closing", `{}}`, []string{`{}`}, ErrNoObject},
		{"cut", `{"a":{}`, nil, io.ErrUnexpectedEOF},
		{"cut in a string", `{"a":"}`, nil, io.ErrUnexpectedEOF},
	} {
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(tc.in), "bytes": iotest.OneByteReader(strings.NewReader(tc.in)),
			"halves": iotest.HalfReader(strings.NewReader(tc.in)), "with the error": iotest.DataErrReader(strings.NewReader(tc.in)),
		} {
			got, err := all(r)
			if d := cmp.Diff(tc.want, got); d != "" || !errors.Is(err, tc.err) {
				t.Errorf("%s, %s: %v\n%s", tc.name, how, err, d)
			}
		}
	}
}

// One long object doesn't cost its length for as long as the connection stays.
func TestObjectReaderFreesMemory(t *testing.T) {
	long := `{"x":"` + strings.Repeat("y", MaxObject/2) + `"}`
	o := NewObjectReader(io.MultiReader(strings.NewReader(long), strings.NewReader(`{}`)))
	for range 2 {
		if _, err := o.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(o.buf) > 4<<10 {
		t.Errorf("%d bytes are kept", cap(o.buf))
	}
}

// FuzzObjects: no stream panics; the split over reads changes nothing; every object of a stream that
// encoding/json reads is found; what DecodeSeed reads can be written and read again.
func FuzzObjects(f *testing.F) {
	f.Add([]byte(`{"Exit":"x"}{"Chat":{"from_id":"","from_name":"","content":"}","timestamp":1,"signature":[1],"public_key":null}}`))
	f.Add([]byte(" {\"SignedChat\":{\"message\":\"\\\"\",\"timestamp\":18446744073709551615}}\n{"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, err := all(bytes.NewReader(stream))
		split, again := all(iotest.OneByteReader(bytes.NewReader(stream)))
		if d := cmp.Diff(whole, split); d != "" || err.Error() != again.Error() {
			t.Fatalf("split: %v, %v\n%s", err, again, d)
		}
		d := json.NewDecoder(bytes.NewReader(stream))
		for i := 0; ; i++ {
			var raw json.RawMessage
			if d.Decode(&raw) != nil || raw[0] != '{' || len(raw) > MaxObject {
				break
			}
			if i >= len(whole) || whole[i] != string(raw) {
				t.Fatalf("object %d is %s", i, raw)
			}
		}
		for _, object := range whole {
			m, err := DecodeSeed([]byte(object))
			if err != nil {
				continue
			}
			switch m := m.(type) {
			case Unknown, Upgrade:
				continue
			case SeedChat:
				if m.Signed() {
					_ = m.Verify()
				}
			}
			out, err := EncodeSeed(m)
			if err != nil {
				t.Fatalf("read, but not written: %v", err)
			}
			back, err := DecodeSeed(out)
			if err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			if twice, err := EncodeSeed(back); err != nil || !bytes.Equal(out, twice) {
				t.Fatalf("%s\nbecomes\n%s (%v)", out, twice, err)
			}
		}
	})
}
