package record

import (
	"testing"

	"chat.lan/p2pchat/crypto/identity"
)

const benchText = "a line of the usual length, \"quoted\" once, about what to have for lunch today — 12:30?"

func benchBody(tb testing.TB) Body {
	tb.Helper()
	return Body{
		Room: OpenRoom("lobby"), Feed: 0x1122334455667788, Seq: 12345, Prev: ID{1, 2, 3},
		Time: Time{Ms: 1_790_000_000_000, N: 7}, Kind: KindChat, Data: TextData(benchText),
	}
}

func BenchmarkSign(b *testing.B) {
	author, body := identity.FromSeed([32]byte{1}), benchBody(b)
	b.ReportAllocs()
	for b.Loop() {
		body.Data = TextData(benchText)
		if _, err := Sign(author, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareSign and BenchmarkBareVerify are the floor under Sign and Verify.
func BenchmarkBareSign(b *testing.B) {
	author := identity.FromSeed([32]byte{1})
	message := make([]byte, 380)
	for b.Loop() {
		author.Sign(identity.DomainRecord, message)
	}
}

func BenchmarkParse(b *testing.B) {
	r, err := Sign(identity.FromSeed([32]byte{1}), benchBody(b))
	if err != nil {
		b.Fatal(err)
	}
	signed, signature := r.Signed(), r.Signature()
	b.SetBytes(int64(len(signed)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(signed, signature); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r, err := Sign(identity.FromSeed([32]byte{1}), benchBody(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.c.Verify(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareVerify(b *testing.B) {
	author := identity.FromSeed([32]byte{1})
	message := make([]byte, 380)
	signature := author.Sign(identity.DomainRecord, message)
	for b.Loop() {
		identity.Verify(author.Key(), identity.DomainRecord, message, signature)
	}
}

func BenchmarkText(b *testing.B) {
	r, err := Sign(identity.FromSeed([32]byte{1}), benchBody(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Text()
	}
}
