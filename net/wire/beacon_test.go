package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/identity"
)

var sameKey = cmp.Comparer(func(a, b identity.Key) bool { return a == b })

// The datagrams that we send are pinned.
func TestBeaconVectors(t *testing.T) {
	a := key(t, alice)
	native := Discovery{
		ID: "21fe31df-a154-8261-a26b-f854046fd227", Name: "Alice", IP: "192.168.1.100", Port: 8080,
		V: 1, Started: 1790000000000, Inst: "00ff00ff00ff00ff", Key: &a, Rooms: []string{room},
	}
	seed := Discovery{ID: "21fe31df-a154-8261-a26b-f854046fd227", Name: "Bob <3", IP: "192.168.1.101", Port: 8081}
	want := map[string]Beacon{
		"beacon-native":    {Discovery: &native},
		"beacon-seed":      {Discovery: &seed},
		"beacon-goodbye":   {Goodbye: &native},
		"beacon-heartbeat": {Heartbeat: "21fe31df-a154-8261-a26b-f854046fd227"},
	}
	if !native.Native() || seed.Native() || (&Discovery{V: 1, Key: &identity.Key{}}).Native() || (&Discovery{Key: &a}).Native() {
		t.Error("Native is wrong about a peer")
	}
	for _, v := range readVectors(t, "beacon-*.txt") {
		b, ok := want[v.name]
		if !ok {
			t.Errorf("%s: no beacon for this vector", v.name)
			continue
		}
		delete(want, v.name)
		out, err := b.Encode()
		if err != nil || string(out) != v.payload {
			t.Errorf("%s is encoded\n%s\nwant\n%s\n%v", v.name, out, v.payload, err)
		}
		back, err := DecodeBeacon([]byte(v.payload))
		if d := cmp.Diff(b, back, sameKey); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", v.name, err, d)
		}
	}
	for name := range want {
		t.Errorf("%s has no vector", name)
	}
}

func TestDecodeBeacon(t *testing.T) {
	const seed = `"id":"x","name":"Bob","ip":"10.0.0.4","port":8081`
	bob := Beacon{Discovery: &Discovery{ID: "x", Name: "Bob", IP: "10.0.0.4", Port: 8081}}
	for _, tc := range []struct {
		name, in string
		want     Beacon // zero: refused
	}{
		{"the seed's", `{"Discovery":{` + seed + `}}`, bob},
		{"with white space", " {\n\"Discovery\" : {" + seed + "}}\n", bob},
		{"fields of others", `{"Discovery":{` + seed + `,"os":"plan9","more":{"a":[1]}}}`, bob},
		{"our names for something else", `{"Discovery":{` + seed + `,"v":"0.3","key":"yes","started":"today","rooms":3}}`, bob},
		{"another's key of the wrong length", `{"Discovery":{` + seed + `,"v":1,"key":"abcd"}}`, bob},
		{"a small-order key", `{"Discovery":{` + seed + `,"v":1,"key":"01` + strings.Repeat("0", 62) + `"}}`, Beacon{}},
		{"a non-canonical key", `{"Discovery":{` + seed + `,"v":1,"key":"ee` + strings.Repeat("f", 60) + `7f"}}`, Beacon{}},
		{"port over 65535", `{"Discovery":{"id":"x","name":"Bob","ip":"","port":65536}}`, Beacon{}},
		{"port negative", `{"Discovery":{"id":"x","name":"Bob","ip":"","port":-1}}`, Beacon{}},
		{"name a number", `{"Discovery":{"id":"x","name":3,"ip":"","port":1}}`, Beacon{}},
		{"two tags", `{"Discovery":{` + seed + `},"Heartbeat":"x"}`, Beacon{}},
		{"two tags, ours for something else", `{"Discovery":{` + seed + `,"v":"x"},"Goodbye":{}}`, Beacon{}},
		{"another tag", `{"Chat":{"content":"x"}}`, Beacon{}},
		{"null", `{"Discovery":null}`, Beacon{}},
		{"no object", `"Discovery"`, Beacon{}},
		{"nothing", ``, Beacon{}},
		{"two objects", `{"Heartbeat":"x"}{"Heartbeat":"x"}`, Beacon{}},
		{"not UTF-8", "{\"Heartbeat\":\"\xff\"}", Beacon{}},
		{"deep", strings.Repeat("[", MaxBeacon), Beacon{}},
		{"too long", `{"Heartbeat":"` + strings.Repeat("x", MaxBeacon-15) + `"}`, Beacon{}},
		{"longest", `{"Heartbeat":"` + strings.Repeat("x", MaxBeacon-16) + `"}`, Beacon{Heartbeat: strings.Repeat("x", MaxBeacon-16)}},
	} {
		got, err := DecodeBeacon([]byte(tc.in))
		if d := cmp.Diff(tc.want, got, sameKey); d != "" {
			t.Errorf("%s (%v):\n%s", tc.name, err, d)
		}
		if refused := tc.want == (Beacon{}); refused != errors.Is(err, ErrBeacon) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := (Beacon{Heartbeat: strings.Repeat("x", MaxBeacon)}).Encode(); err == nil {
		t.Error("a beacon over the limit was encoded")
	}
}
