package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// benchRecord is a line as it travels.
var benchRecord = Record{
	Body: `{"v":1,"room":"7da99e660791fd8295acdc89755f209d","author":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a","feed":"1122334455667788","seq":12345,"prev":"0102030000000000000000000000000000000000000000000000000000000000","time":[1790000000000,7],"kind":"chat","data":{"text":"a line of the usual length, \"quoted\" once, about what to have for lunch today — 12:30?"}}`,
	Sig:  bytes.Repeat([]byte{0xa5}, 64),
}

func BenchmarkEncodeRecord(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(benchRecord); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRecord(b *testing.B) {
	f, err := Encode(benchRecord)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(f)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(f[4:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeRecordJSON measures DecodeRecord with encoding/json alone.
func BenchmarkDecodeRecordJSON(b *testing.B) {
	f, err := Encode(benchRecord)
	if err != nil {
		b.Fatal(err)
	}
	content := f[4+len(`{"Record":`) : len(f)-1]
	b.ReportAllocs()
	for b.Loop() {
		var r Record
		if err := json.Unmarshal(content, &r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLine passes a message through both ends without a network: signed, framed, read, decoded, parsed
// and verified. outside-ns is the time without a bare signature and verification of the same bytes, which
// the same loop measures. Both are medians, which a busy machine disturbs least.
func BenchmarkLine(b *testing.B) {
	author := identity.FromSeed([32]byte{1})
	source := bytes.NewReader(nil)
	reader := NewReader(source)
	body := record.Body{
		Room: record.OpenRoom("lobby"), Feed: 1, Seq: 1, Prev: record.ID{1},
		Time: record.Time{Ms: 1_790_000_000_000}, Kind: record.KindChat,
	}
	line := func() *record.Record {
		body.Seq++
		body.Data = record.TextData("a line of the usual length, \"quoted\" once, about what to have for lunch — 12:30?")
		signed, err := record.Sign(author, body)
		if err != nil {
			b.Fatal(err)
		}
		body.Prev = signed.ID()
		f, err := Encode(Record{Body: signed.Signed(), Sig: signed.Signature()})
		if err != nil {
			b.Fatal(err)
		}
		source.Reset(f)
		payload, err := reader.Next()
		if err != nil {
			b.Fatal(err)
		}
		m, err := Decode(payload)
		if err != nil {
			b.Fatal(err)
		}
		claim, err := record.Parse(m.(Record).Body, m.(Record).Sig)
		if err != nil {
			b.Fatal(err)
		}
		got, err := claim.Verify()
		if err != nil || got.Text() == "" {
			b.Fatal(err)
		}
		return got
	}
	message := []byte(line().Signed())
	var whole, bare []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begun := time.Now()
		line()
		middle := time.Now()
		identity.Verify(author.Key(), identity.DomainRecord, message, author.Sign(identity.DomainRecord, message))
		whole, bare = append(whole, middle.Sub(begun)), append(bare, time.Since(middle))
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2]) }
	b.ReportMetric(median(whole)-median(bare), "outside-ns")
	b.ReportMetric(median(bare), "bare-ns")
}

// BenchmarkDecodeRecords decodes frames of 64 records.
func BenchmarkDecodeRecords(b *testing.B) {
	m := Records{Room: "7da99e660791fd8295acdc89755f209d", N: 1, End: true}
	for range 64 {
		m.Records = append(m.Records, benchRecord)
	}
	f, err := Encode(m)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(f)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(f[4:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	f, err := Encode(benchRecord)
	if err != nil {
		b.Fatal(err)
	}
	many := bytes.Repeat(f, 1000)
	b.SetBytes(int64(len(f)))
	b.ReportAllocs()
	left := 0
	source := bytes.NewReader(many)
	r := NewReader(source)
	for b.Loop() {
		if left == 0 {
			source.Reset(many)
			left = 1000
		}
		left--
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
