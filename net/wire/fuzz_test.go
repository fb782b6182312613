package wire

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzFrame: no payload causes a panic. A decoded message encodes to a frame that decodes to the same
// message, in the same bytes. Records decode as with encoding/json.
func FuzzFrame(f *testing.F) {
	for _, pattern := range []string{"message-*.txt", "payload-*.txt"} {
		for _, v := range readVectors(f, pattern) {
			f.Add([]byte(v.payload))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := Decode(payload)
		if err != nil {
			if m != nil {
				t.Errorf("%v beside %v", m, err)
			}
			return
		}
		if _, unknown := m.(Unknown); unknown {
			return
		}
		if r, ok := m.(Record); ok {
			var want struct{ Record Record }
			if err := json.Unmarshal(payload, &want); err != nil {
				t.Errorf("taken for a record: %v", err)
			} else if d := cmp.Diff(want.Record, r); d != "" {
				t.Errorf("read otherwise than by encoding/json:\n%s", d)
			}
		}
		if _, ok := m.(Ping); ok {
			checkPing[Ping](t, payload, m)
		}
		if _, ok := m.(Pong); ok {
			checkPing[Pong](t, payload, m)
		}
		frame, err := Encode(m)
		if err != nil {
			if len(payload) < MaxFrame/8 { // escapes can make a long one longer
				t.Errorf("read, but not written: %v", err)
			}
			return
		}
		again, err := Decode(frame[4:])
		if err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
		// Empty and absent lists may change places (null, []), so the bytes are what is compared.
		twice, err := Encode(again)
		if err != nil || !bytes.Equal(frame, twice) {
			t.Errorf("%s\nbecomes\n%s (%v)", frame, twice, err)
		}
		if got, err := NewReader(bytes.NewReader(frame)).Next(); err != nil || !bytes.Equal(got, frame[4:]) {
			t.Errorf("the frame is read as %q, %v", got, err)
		}
	})
}

// FuzzReader: no stream panics, and every payload is within its bounds.
func FuzzReader(f *testing.F) {
	f.Add(append(framed(3), framed(0)...))
	f.Add(framed(9)[:8])
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		for total := 0; ; {
			payload, err := r.Next()
			if err != nil {
				return
			}
			total += headSize + len(payload)
			if len(payload) == 0 || len(payload) > MaxFrame || total > len(stream) {
				t.Fatalf("a payload of %d bytes out of %d", len(payload), len(stream))
			}
		}
	})
}

// FuzzBeacon: no datagram causes a panic. A decoded beacon has exactly one field set and can be encoded.
func FuzzBeacon(f *testing.F) {
	for _, v := range readVectors(f, "beacon-*.txt") {
		f.Add([]byte(v.payload))
	}
	f.Add([]byte(`{"Discovery":{"id":"x","port":1,"v":"a","key":3}}`))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		b, err := DecodeBeacon(datagram)
		if err != nil {
			return
		}
		if b.Discovery != nil && (b.Goodbye != nil || b.Heartbeat != "") || b.Goodbye != nil && b.Heartbeat != "" {
			t.Errorf("two fields of %+v", b)
		}
		out, err := b.Encode()
		if err != nil {
			return // escapes can make a long one longer
		}
		again, err := DecodeBeacon(out)
		if d := cmp.Diff(b, again, sameKey); err != nil || d != "" {
			// An empty list is left out when it is written.
			if b.Discovery == nil && b.Goodbye == nil {
				t.Errorf("%s: %v\n%s", out, err, d)
			} else if twice, _ := again.Encode(); !bytes.Equal(out, twice) {
				t.Errorf("%s\nbecomes\n%s", out, twice)
			}
		}
	})
}
