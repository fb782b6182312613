// Package record is the one kind of thing that lasts: a signed statement by one author in one room
// (DESIGN.md §3).
//
// A record is its body, compact JSON with the keys in a fixed order
//
//	{"v":1,"room":…,"author":…,"feed":…,"seq":…,"prev":…,"time":[ms,n],"kind":…,"data":{…}}
//
// and an Ed25519 signature over "p2pchat/1/record\x00" ‖ body. Its ID is SHA-256 of the same bytes,
// without the signature. Room, kind and author are inside the signed bytes, so nothing signed as one
// thing can be replayed as another. Nobody re-encodes a body to send it: the bytes that the author
// signed travel and are kept.
//
//	room    32 hex digits: the first 16 bytes of SHA-256("p2pchat/1/open-room\x00" ‖ NFC name)
//	author  64 hex digits: the Ed25519 public key
//	feed    16 hex digits, random: one run of the program in one room
//	seq     0 for the feed's "open" record, then 1, 2, 3 …
//	prev    64 hex digits: the ID of the record before; for "open" the last one of the author's
//	        feed before as far as known, else zeros
//	time    hybrid logical clock: milliseconds since 1970, counter
//	kind    open, chat, me, name; others are kept and passed on
//
// Vote records stand outside feeds: feed, seq and prev are zero (VOTING.md).
//
// Reading is in two steps with a type each, so that nothing unverified is taken for a record:
// Parse makes a Claim (well-formed, canonical), and Claim.Verify makes the Record.
package record

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
)

// ErrSignature is returned by Claim.Verify.
var ErrSignature = errors.New("signature does not verify")

// Record is a verified record. It is immutable and safe for concurrent use.
type Record struct{ c Claim }

// Claim is a well-formed record whose signature has not been checked. It is immutable.
type Claim struct {
	body      string
	signature [64]byte
	id        ID
	fields    Body
	content   string // the text or name of a known kind
}

// Sign makes the author's record of b. Author and V are filled in. The errors are those of Parse:
// nothing that others would refuse gets signed.
func Sign(author *identity.Identity, b Body) (*Record, error) {
	b.V, b.Author = Version, author.Key()
	content, err := b.check()
	if err != nil {
		return nil, err
	}
	text, err := appendBody(make([]byte, 0, 512+len(b.Data)), &b)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxBody {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLong, len(text))
	}
	// The data as it was signed, and out of the caller's reach: text ends in it and a brace.
	start := bytes.Index(text, dataKey) + len(dataKey)
	b.Data = text[start : len(text)-1 : len(text)-1]
	r := &Record{Claim{body: string(text), id: idOf(string(text)), fields: b, content: content}}
	copy(r.c.signature[:], author.Sign(identity.DomainRecord, text))
	return r, nil
}

// Parse reads a body and its signature. It checks everything but the signature: size, strict JSON,
// canonical encoding (encoding what was decoded gives the same bytes), the fields of known kinds.
func Parse(body string, signature []byte) (*Claim, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLong, len(body))
	}
	if len(signature) != 64 {
		return nil, fmt.Errorf("%w: signature of %d bytes", ErrMalformed, len(signature))
	}
	fields, content, err := decode(body)
	if err != nil {
		return nil, err
	}
	c := &Claim{body: body, id: idOf(body), fields: fields, content: content}
	copy(c.signature[:], signature)
	return c, nil
}

// Verify checks the signature (some 50 µs) and returns the record, or ErrSignature. Any goroutine
// may call it.
func (c *Claim) Verify() (*Record, error) {
	if !identity.Verify(c.fields.Author, identity.DomainRecord, []byte(c.body), c.signature[:]) {
		return nil, ErrSignature
	}
	return &Record{*c}, nil
}

// ID of the record that the claim would be.
func (c *Claim) ID() ID { return c.id }

// Body is what the claim says. Data must not be modified.
func (c *Claim) Body() Body { return c.fields }

// ID is SHA-256 of the signed bytes: the record's name everywhere.
func (r *Record) ID() ID { return r.c.id }

// Body is what the record says. Data must not be modified.
func (r *Record) Body() Body { return r.c.fields }

// Author signed the record.
func (r *Record) Author() identity.Key { return r.c.fields.Author }

// Feed, with the author, names the chain that the record stands in.
func (r *Record) Feed() Feed { return r.c.fields.Feed }

// Seq is the place in the feed, from 0.
func (r *Record) Seq() uint64 { return r.c.fields.Seq }

// Prev is the ID of the record before.
func (r *Record) Prev() ID { return r.c.fields.Prev }

// Time is the author's hybrid logical clock.
func (r *Record) Time() Time { return r.c.fields.Time }

// Kind says what Data is.
func (r *Record) Kind() Kind { return r.c.fields.Kind }

// Signed is the exact body that was signed, as on the wire and on disk.
func (r *Record) Signed() string { return r.c.body }

// Signature is a copy of the 64 bytes.
func (r *Record) Signature() []byte { s := r.c.signature; return s[:] }

// dataKey comes before the data. It can't be earlier in a body that check has passed: nothing before
// it is free text.
var dataKey = []byte(`,"data":`)

func idOf(body string) ID {
	var room [1 << 10]byte // most bodies fit; append takes more from the heap
	signed := append(append(room[:0], identity.DomainRecord...), body...)
	return sha256.Sum256(signed)
}
