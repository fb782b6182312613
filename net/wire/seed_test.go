package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/identity"
)

// Every form that is sent is written as the seed's programs write it, and read back.
func TestSeedForms(t *testing.T) {
	a := identity.FromSeed([32]byte{1})
	signature, public := a.SignSeedForm(SeedSignedBytes("hi", 7))
	numbers := func(b []byte) string {
		text, err := json.Marshal(Octets(b))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for want, m := range map[string]SeedMessage{
		`{"Chat":{"from_id":"x","from_name":"B <3","content":"a\"\n","timestamp":7}}`: SeedChat{FromID: "x", FromName: "B <3", Content: "a\"\n", Timestamp: 7},
		`{"Chat":{"from_id":"","from_name":"","content":"hi","timestamp":7,"signature":` + numbers(signature) + `,"public_key":` + numbers(public) + `}}`: SeedChat{
			Content: "hi", Timestamp: 7, Signature: signature, PublicKey: public},
		`{"SignedChat":{"message":"hi","signature":` + numbers(signature) + `,"public_key":` + numbers(public) + `,"signer_id":"i","signer_name":"n","timestamp":7}}`: SignedChat{
			Message: "hi", Signature: signature, PublicKey: public, SignerID: "i", SignerName: "n", Timestamp: 7},
		`{"IdentityAnnouncement":{"peer_id":"i","name":"n","public_key":[1,255,0]}}`: IdentityAnnouncement{PeerID: "i", Name: "n", PublicKey: Octets{1, 255, 0}},
		`{"Exit":"x"}`:      Exit("x"),
		`{"Heartbeat":"x"}`: Heartbeat("x"),
		`{"Discovery":{"id":"x","name":"B","ip":"10.0.0.4","port":8080}}`: Discovery{ID: "x", Name: "B", IP: "10.0.0.4", Port: 8080},
	} {
		out, err := EncodeSeed(m)
		if err != nil || string(out) != want {
			t.Errorf("encoded %s (%v)\nwant    %s", out, err, want)
		}
		back, err := DecodeSeed([]byte(want))
		if d := cmp.Diff(m, back, sameKey); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", want, err, d)
		}
		switch m := back.(type) {
		case SeedChat:
			if m.Signed() && m.Verify() != nil || !m.Signed() && m.Verify() == nil {
				t.Errorf("%s: verified wrongly", want)
			}
		case SignedChat:
			if err := m.Verify(); err != nil {
				t.Errorf("%s: %v", want, err)
			}
		}
	}
	for _, m := range []SeedMessage{Unknown{Tag: "x"}, Upgrade{Tag: "UpgradeVote"}} {
		if out, err := EncodeSeed(m); err == nil {
			t.Errorf("%v was encoded: %s", m, out)
		}
	}
}

// The seed's own fields are what is read of a Discovery, whatever stands beside them, at any length.
func TestSeedDiscovery(t *testing.T) {
	long := `{"Discovery":{"id":"x","name":"B","ip":"10.0.0.4","port":8080,"rooms":3,"more":"` + strings.Repeat("y", 2*MaxBeacon) + `"}}`
	m, err := DecodeSeed([]byte(long))
	if d := cmp.Diff(Discovery{ID: "x", Name: "B", IP: "10.0.0.4", Port: 8080}, m, sameKey); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

// A signature is of these bytes and this key, and of no key under which everyone can sign.
func TestSeedSignature(t *testing.T) {
	a := identity.FromSeed([32]byte{1})
	signature, public := a.SignSeedForm(SeedSignedBytes("hi", 7))
	good := SignedChat{Message: "hi", Signature: signature, PublicKey: public, Timestamp: 7}
	change := map[string]func(*SignedChat){
		"message":      func(c *SignedChat) { c.Message = "ho" },
		"time":         func(c *SignedChat) { c.Timestamp = 8 },
		"moved colon":  func(c *SignedChat) { c.Message, c.Timestamp = "hi:7", 0 },
		"signature":    func(c *SignedChat) { c.Signature[3] ^= 1 },
		"cut":          func(c *SignedChat) { c.Signature = c.Signature[:63] },
		"no signature": func(c *SignedChat) { c.Signature = nil },
		"no key":       func(c *SignedChat) { c.PublicKey = nil },
		"another key": func(c *SignedChat) {
			_, c.PublicKey = identity.FromSeed([32]byte{2}).SignSeedForm(nil)
		},
		"small order": func(c *SignedChat) {
			c.PublicKey, c.Signature = make(Octets, 32), make(Octets, 64)
			c.PublicKey[0], c.Signature[0] = 1, 1 // verifies for every message
		},
		"second encoding": func(c *SignedChat) { c.PublicKey = bytes.Repeat([]byte{0xff}, 32) },
	}
	for name, f := range change {
		c := good
		c.Signature, c.PublicKey = bytes.Clone(signature), bytes.Clone(public)
		f(&c)
		if err := c.Verify(); !errors.Is(err, ErrSeedSignature) {
			t.Errorf("%s: %v", name, err)
		}
		chat := SeedChat{Content: c.Message, Timestamp: c.Timestamp, Signature: c.Signature, PublicKey: c.PublicKey}
		if err := chat.Verify(); chat.Signed() && !errors.Is(err, ErrSeedSignature) {
			t.Errorf("%s in a Chat: %v", name, err)
		}
	}
	if err := good.Verify(); err != nil {
		t.Error(err)
	}
}

func TestOctets(t *testing.T) {
	for in, want := range map[string]Octets{`null`: nil, `[]`: nil, `[0]`: {0}, ` [1, 255 ] `: {1, 255}} {
		var o Octets
		if err := json.Unmarshal([]byte(in), &o); err != nil || !bytes.Equal(o, want) || o == nil != (want == nil) {
			t.Errorf("%s: %v, %v", in, o, err)
		}
	}
	for _, in := range []string{`[256]`, `[-1]`, `[1.5]`, `["1"]`, `"AQ=="`, `{}`, `[[1]]`, `1`} {
		var o Octets
		if err := json.Unmarshal([]byte(in), &o); err == nil {
			t.Errorf("%s: %v", in, o)
		}
	}
}

func TestDecodeSeedRefuses(t *testing.T) {
	for _, in := range []string{
		``, `{}`, `[]`, `null`, `"Exit"`, `{"Exit":1}`, `{"Exit":null}`, `{"Chat":[]}`, `{"Chat":{"content":1}}`,
		`{"Exit":"x","Heartbeat":"y"}`, `{"Exit":"x","Exit":"y"}`, `{"Exit":"x"}{"Exit":"x"}`, `{"Exit":"x"`,
		`{"UpgradeVote":{]}`, `{"Other":{]}`, "{\"Exit\":\"\xff\"}", `{"Discovery":{"id":1}}`, `{"Discovery":{"port":65536}}`,
		`{"SignedChat":{"signature":"AAAA"}}`, `{"Other":` + strings.Repeat("[", 20_000) + `}`,
	} {
		if m, err := DecodeSeed([]byte(in)); !errors.Is(err, ErrSeedForm) || m != nil {
			t.Errorf("%.60q: %v, %v", in, m, err)
		}
	}
	for in, want := range map[string]SeedMessage{
		`{"UpgradeRequest":{"any":[1]}}`: Upgrade{"UpgradeRequest"}, `{"UpgradeVote":3}`: Upgrade{"UpgradeVote"},
		`{"PartialSignature":["x",[1]]}`: Upgrade{"PartialSignature"}, `{"exit":"x"}`: Unknown{"exit"}, `{"Hello":{}}`: Unknown{"Hello"},
	} {
		if m, err := DecodeSeed([]byte(in)); err != nil || m != want {
			t.Errorf("%s: %#v, %v", in, m, err)
		}
	}
}
