package wire

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkPing checks that encoding/json reads the same from a payload.
func checkPing[T Ping | Pong](t *testing.T, payload []byte, got Message) {
	t.Helper()
	var want map[string]T
	if err := json.Unmarshal(payload, &want); err != nil {
		t.Fatalf("%s is taken for %+v: %v", payload, got, err)
	}
	if d := cmp.Diff(any(want[got.tag()]), any(got)); d != "" {
		t.Errorf("%s is read otherwise than by encoding/json:\n%s", payload, d)
	}
}

// Pings and pongs are written as encoding/json writes them, and read back.
func TestPingCodec(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := Pong{N: rapid.Uint64().Draw(rt, "n"), Stamp: rapid.Int64().Draw(rt, "stamp")}
		ping := Ping{N: p.N, Stamp: p.Stamp}
		if rapid.Bool().Draw(rt, "with hashes") {
			ping.Frontier = map[string]string{"room": "hash"}
		}
		for _, m := range []Message{p, ping} {
			frame, err := Encode(m)
			if err != nil {
				rt.Fatal(err)
			}
			want, err := appendTagged(nil, m.tag(), m)
			if err != nil || string(frame[headSize:]) != string(want) {
				rt.Fatalf("%s, want %s (%v)", frame[headSize:], want, err)
			}
			got, err := Decode(frame[headSize:])
			if d := cmp.Diff(m, got); err != nil || d != "" {
				rt.Fatalf("%s: %v\n%s", frame[headSize:], err, d)
			}
		}
	})
}

// What only resembles a ping is read, or refused, as encoding/json does.
func TestPingLookalikes(t *testing.T) {
	for _, content := range []string{
		`{"n":1,"stamp":2}`, `{"n":0,"stamp":0}`, `{"n":01,"stamp":2}`, `{"n":1,"stamp":+2}`, `{"n":1,"stamp":-2}`, `{"n":-1,"stamp":2}`,
		`{"n":1,"stamp":}`, `{"n":,"stamp":2}`, `{"n":1,"stamp":2}}`, `{"n":1,"stamp":2`, `{"n":1,"stamp":2,"frontier":{"r":"h"}}`,
		`{"n":1,"stamp":2,"stamp":3}`, `{"n":18446744073709551615,"stamp":9223372036854775807}`, `{"n":18446744073709551616,"stamp":1}`,
		`{"n":1,"stamp":9223372036854775808}`, `{"n":1_0,"stamp":2}`, `{"n":1 ,"stamp":2}`, `{"stamp":2,"n":1}`, `{"n":1.0,"stamp":2}`, `{"n":1e0,"stamp":2}`,
	} {
		for _, tag := range []string{(Ping{}).tag(), (Pong{}).tag()} {
			payload := []byte(`{"` + tag + `":` + content + `}`)
			got, err := Decode(payload)
			var whole map[string]json.RawMessage
			var ping Ping
			var pong Pong
			wantErr := json.Unmarshal(payload, &whole)
			if wantErr == nil && tag == ping.tag() {
				wantErr = json.Unmarshal(whole[tag], &ping)
			} else if wantErr == nil {
				wantErr = json.Unmarshal(whole[tag], &pong)
			}
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%s: %v, encoding/json says %v", payload, err, wantErr)
			}
			switch {
			case err != nil:
			case tag == ping.tag():
				checkPing[Ping](t, payload, got)
			default:
				checkPing[Pong](t, payload, got)
			}
		}
	}
}
