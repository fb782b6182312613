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

// Claim is a well-formed record with an unchecked signature. It is immutable.
type Claim struct {
	body      string
	signature [64]byte
	id        ID
	fields    Body
	content   string // the text or name of a known kind
}

// Sign signs b as the author's record. It fills in Author and V. Its errors are those of Parse, so
// that no peer signs what others refuse.
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

// Parse reads a body and its signature. It checks everything but the signature: the size, strict
// JSON, the canonical form and the fields of known kinds.
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

// Verify checks the signature, which takes some 50 µs, and returns the record or ErrSignature. Any
// goroutine may call it.
func (c *Claim) Verify() (*Record, error) {
	if !identity.Verify(c.fields.Author, identity.DomainRecord, []byte(c.body), c.signature[:]) {
		return nil, ErrSignature
	}
	return &Record{*c}, nil
}

// ID returns the id that the record has if its signature verifies.
func (c *Claim) ID() ID { return c.id }

// Body returns the fields of the claim. Data must not be modified.
func (c *Claim) Body() Body { return c.fields }

// ID returns the SHA-256 of the signed bytes, the record's name everywhere.
func (r *Record) ID() ID { return r.c.id }

// Body returns the fields of the record. Data must not be modified.
func (r *Record) Body() Body { return r.c.fields }

// Author returns the key that signed the record.
func (r *Record) Author() identity.Key { return r.c.fields.Author }

// Feed returns the number that, with the author, names the record's chain.
func (r *Record) Feed() Feed { return r.c.fields.Feed }

// Seq returns the place in the feed, from 0.
func (r *Record) Seq() uint64 { return r.c.fields.Seq }

// Prev returns the ID of the record before this one.
func (r *Record) Prev() ID { return r.c.fields.Prev }

// Time returns the stamp of the author's hybrid logical clock.
func (r *Record) Time() Time { return r.c.fields.Time }

// Kind returns what kind of data the record has.
func (r *Record) Kind() Kind { return r.c.fields.Kind }

// Signed returns the exact body that was signed, as on the wire and on disk.
func (r *Record) Signed() string { return r.c.body }

// Signature returns a copy of the 64 bytes.
func (r *Record) Signature() []byte { s := r.c.signature; return s[:] }

// dataKey precedes the data. It can't occur earlier in a body that check has passed, because no
// free text precedes it.
var dataKey = []byte(`,"data":`)

func idOf(body string) ID {
	var room [1 << 10]byte // most bodies fit; append takes more from the heap
	signed := append(append(room[:0], identity.DomainRecord...), body...)
	return sha256.Sum256(signed)
}
