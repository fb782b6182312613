package votes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

var update = flag.Bool("update", false, "write the vectors of testdata anew")

func prove(t *testing.T, text []byte) *votes.Certificate {
	t.Helper()
	p, err := votes.ReadCertificate(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decided makes a room of three that switched secure-only on by two votes and off by all.
func decided(t *testing.T) (on1, off vote.ID, box *votes.Records, keys []identity.Key) {
	t.Helper()
	ids, keys := people(3)
	bs := boxes(ids)
	share := func(recs []*record.Record) {
		for _, b := range bs {
			b.AcceptAll(recs, nil)
		}
	}
	on1, made := propose(t, bs[0], on(keys...))
	share(made)
	share(cast(t, bs[1], on1, vote.Approve))
	w := on(keys...)
	w.Action = vote.Off
	off, made = propose(t, bs[2], w)
	share(made)
	share(cast(t, bs[0], off, vote.Approve))
	if bs[0].Policy().SecureOnly {
		t.Fatal("it is still on")
	}
	return on1, off, bs[0], keys
}

func TestCertificateConvincesAStranger(t *testing.T) {
	on1, off, box, keys := decided(t)
	text, ok := box.EncodeCertificate(on1)
	if !ok {
		t.Fatal("no certificate")
	}
	p := prove(t, text)
	if len(p.Approvals) != 2 || p.Proposal.Need != 2 || len(p.Proposal.Roll) != 3 || p.Room != lobby || p.Proposal.ID != on1 {
		t.Errorf("%+v", p)
	}
	text, ok = box.EncodeCertificate(off)
	if !ok {
		t.Fatal("no certificate of the OFF")
	}
	p = prove(t, text)
	if len(p.Ends) != 1 || p.Ends[0].On.ID != on1 || !p.Ends[0].Ended() || len(p.Approvals) != vote.StrongMajority(len(keys)) {
		t.Errorf("%+v", p)
	}
	if _, ok := box.EncodeCertificate(vote.ID{1}); ok {
		t.Error("a certificate of nothing")
	}
}

// Not one byte of a proof can be another one.
func TestEveryByteOfACertificateCounts(t *testing.T) {
	on1, _, box, _ := decided(t)
	text, _ := box.EncodeCertificate(on1)
	step := 1
	if testing.Short() {
		step = 13
	}
	for i := 0; i < len(text); i += step {
		for _, flip := range []byte{1, 0x20} {
			bad := bytes.Clone(text)
			bad[i] ^= flip
			if _, err := votes.ReadCertificate(bytes.NewReader(bad)); !errors.Is(err, votes.ErrCertificate) {
				t.Fatalf("byte %d ^ %#x: %v", i, flip, err)
			}
		}
		if _, err := votes.ReadCertificate(bytes.NewReader(text[:i])); !errors.Is(err, votes.ErrCertificate) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

// vectors makes the files for writers of other verifiers: the first line gives the expected result
// of the second.
func vectors(t *testing.T) map[string]string {
	on1, off, box, _ := decided(t)
	certificate, _ := box.EncodeCertificate(on1)
	second, _ := box.EncodeCertificate(off)
	good, goodOff := string(certificate), string(second)
	ballots := func(s string) (head string, list []string, tail string) {
		i := strings.Index(s, `"ballots":[`) + len(`"ballots":[`)
		j := strings.Index(s, `],"ends"`)
		return s[:i], strings.SplitAfter(strings.ReplaceAll(s[i:j], "},{", "},\x00{"), "\x00"), s[j:]
	}
	head, list, tail := ballots(good)
	for i := range list {
		list[i] = strings.Trim(list[i], ",\x00")
	}
	_, offList, _ := ballots(goodOff)
	other := strings.Trim(offList[0], ",\x00")
	proposal := good[strings.Index(good, `"proposal":`)+len(`"proposal":`) : strings.Index(good, `,"ballots"`)]
	return map[string]string{
		"good-evidence":    "ok twice\n" + string(twice(t)),
		"evidence-outside": "bad\n" + outside(t),
		"good-on":          "ok 2 of 3\n" + good,
		"good-off":         "ok 2 of 3 ends 1\n" + goodOff,
		"one-approval":     "bad\n" + head + list[0] + tail,
		"twice-one":        "bad\n" + head + list[0] + "," + list[0] + tail,
		"order":            "bad\n" + head + list[1] + "," + list[0] + tail,
		"anothers-ballot":  "bad\n" + head + list[0] + "," + other + tail,
		"ballot-elsewhere": "bad\n" + head + list[0] + "," + elsewhere(t, on1) + tail,
		"ends-foreign":     "bad\n" + strings.Replace(good, `"ends":[]`, `"ends":[`+proposal+`]`, 1),
		"ends-twice":       "bad\n" + strings.Replace(goodOff, `"ends":[`+proposal+`]`, `"ends":[`+proposal+`,`+proposal+`]`, 1),
		"need-lowered":     "bad\n" + strings.Replace(good, `\"need\":2`, `\"need\":1`, 1),
		"spaces":           "bad\n" + strings.Replace(good, `"v":1`, `"v": 1`, 1),
		"two-lines":        "bad\n" + good + "\n",
		"no-end":           "bad\n" + strings.TrimSuffix(good, "\n"),
		"version-2":        "bad\n" + strings.Replace(good, `"v":1`, `"v":2`, 1),
		"evidence-of-none": "bad\n" + strings.Replace(good, `"certificate"`, `"evidence"`, 1),
		"unknown-key":      "bad\n" + strings.Replace(good, `"ends":[]`, `"ends":[],"x":1`, 1),
		"upper-case-key":   "bad\n" + strings.Replace(good, `"ballots"`, `"Ballots"`, 1),
	}
}

func TestVectors(t *testing.T) {
	dir := filepath.Join("testdata", "proofs")
	want := vectors(t)
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.txt"))
	if len(files) != len(want) {
		t.Fatalf("%d files, want %d: run with -update", len(files), len(want))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if string(text) != want[name] {
			t.Errorf("%s is not what this version writes", name)
		}
		expect, content, _ := strings.Cut(string(text), "\n")
		p, err := votes.ReadCertificate(strings.NewReader(content))
		switch {
		case expect == "bad" && err == nil:
			t.Errorf("%s is taken", name)
		case expect != "bad" && err != nil:
			t.Errorf("%s: %v", name, err)
		case expect != "bad" && expect != describe(p):
			t.Errorf("%s: %s, want %s", name, describe(p), expect)
		}
	}
}

// elsewhere returns an approval by the second voter, good but for its room.
func elsewhere(t *testing.T, id vote.ID) string {
	t.Helper()
	ids, _ := people(3)
	return ballotOf(t, ids[1], record.OpenRoom("attic"), id, vote.Approve)
}

// ballotOf returns a ballot in the form of a file.
func ballotOf(t *testing.T, who *identity.Identity, room record.RoomID, id vote.ID, c vote.Choice) string {
	t.Helper()
	data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Choice: c})
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.Sign(who, record.Body{Room: room, Kind: record.KindBallot, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(struct {
		Body string `json:"body"`
		Sig  []byte `json:"sig"`
	}{r.Signed(), r.Signature()})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// twice returns a file that shows an approval and a reject of one key.
func twice(t *testing.T) []byte {
	ids, keys := people(3)
	bs := boxes(append(ids, ids[1]))
	id, made := propose(t, bs[0], on(keys...))
	for _, b := range bs[1:] {
		b.AcceptAll(made, nil)
	}
	accept(t, bs[0], cast(t, bs[1], id, vote.Approve)...)
	accept(t, bs[0], cast(t, bs[3], id, vote.Reject)...)
	text, ok := bs[0].EncodeEvidence(id)
	if !ok {
		t.Fatal("no evidence")
	}
	return text
}

// outside returns the same file with two ballots of a key off the roll.
func outside(t *testing.T) string {
	text := string(twice(t))
	id := prove(t, []byte(text)).Proposal.ID
	head, _, _ := strings.Cut(text, `"ballots":[`)
	return head + `"ballots":[` + ballotOf(t, person(9), lobby, id, vote.Approve) + "," +
		ballotOf(t, person(9), lobby, id, vote.Reject) + `],"ends":[]}` + "\n"
}

func describe(p *votes.Certificate) string {
	if !p.Equivocator.IsZero() {
		return "ok twice"
	}
	out := "ok " + string(rune('0'+len(p.Approvals))) + " of " + string(rune('0'+len(p.Proposal.Roll)))
	ended := 0
	for _, e := range p.Ends {
		if e.Ended() {
			ended++
		}
	}
	if ended > 0 {
		out += " ends " + string(rune('0'+ended))
	}
	return out
}

// No file makes ReadCertificate panic, and what it takes it would write again byte for byte.
func FuzzReadProof(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "proofs", "*.txt"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, content, _ := strings.Cut(string(text), "\n")
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := votes.ReadCertificate(bytes.NewReader(text))
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
		if err == nil && len(p.Approvals) < p.Proposal.Need && p.Equivocator.IsZero() {
			t.Fatal("a proof without approvals")
		}
	})
}
