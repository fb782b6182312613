package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
)

// opaque lets cmp look at whole bodies.
var opaque = cmp.Comparer(func(a, b identity.Key) bool { return a == b })

// sameByEncodingJSON checks the hand-written reader and writer of a record against encoding/json,
// which defines the canonical form.
func sameByEncodingJSON(t interface {
	Helper()
	Errorf(string, ...any)
}, r *Record) {
	t.Helper()
	var b Body
	if err := json.Unmarshal([]byte(r.Signed()), &b); err != nil {
		t.Errorf("accepted, but encoding/json: %v", err)
		return
	}
	if d := cmp.Diff(b, r.Body(), opaque); d != "" {
		t.Errorf("read otherwise than by encoding/json (-json +ours):\n%s", d)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil || strings.TrimSuffix(out.String(), "\n") != r.Signed() {
		t.Errorf("encoding/json writes (%v)\n%swe accepted\n%s", err, out.String(), r.Signed())
	}
	var data struct{ Text, Name string }
	if key := r.Kind().traits().key; key != "" {
		if err := json.Unmarshal(b.Data, &data); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if r.Text() != data.Text || r.Name() != data.Name {
		t.Errorf("Text %q, want %q; Name %q, want %q", r.Text(), data.Text, r.Name(), data.Name)
	}
}

var authors = []*identity.Identity{identity.FromSeed([32]byte{1}), identity.FromSeed([32]byte{2})}

// runes are those that encoders and checks treat in a way of their own, and some that they don't.
var runes = []rune("aZ09 \"\\/<>&'\n\t\u2028\u2029\ufffd\ufeff\u202e\u200bé漢🦊\uffff\U0010ffff{}[]:,")

func drawText(t *rapid.T, label string, max int) string {
	return rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(runes), rapid.Rune()), -1, -1, max).Draw(t, label)
}

// drawBody draws a body, mostly a good one.
func drawBody(t *rapid.T) Body {
	var b Body
	copy(b.Room[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "room"))
	copy(b.Prev[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "prev"))
	number := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, maxInt), rapid.Just[int64](maxInt))
	b.Feed = Feed(rapid.Uint64().Draw(t, "feed"))
	b.Seq = uint64(number.Draw(t, "seq"))
	b.Time = Time{number.Draw(t, "ms"), number.Draw(t, "n")}
	b.Kind = rapid.SampledFrom([]Kind{KindOpen, KindChat, KindChat, KindMe, KindName, "ballot", "x-y"}).Draw(t, "kind")
	if b.Kind == KindOpen {
		b.Seq = 0
	} else if b.Feed != 0 && b.Seq == 0 {
		b.Seq = 1
	}
	switch b.Kind.traits().key {
	case "name":
		b.Data = NamingData(drawText(t, "name", MaxName))
	case "text":
		b.Data = TextData(drawText(t, "text", 200))
	default:
		if rapid.Bool().Draw(t, "outside feeds") {
			b.Feed, b.Seq, b.Prev = 0, 0, ID{}
		}
		data, err := json.Marshal(rapid.MapOf(rapid.StringN(0, 5, -1), rapid.SampledFrom([]any{
			nil, true, -0.5e300, "<\u2028", []any{}, map[string]any{"a": 1},
		})).Draw(t, "data"))
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "spaces") {
			data = bytes.ReplaceAll(data, []byte(":"), []byte(" :\n"))
		}
		b.Data = data
	}
	return b
}

// A signed record reads back unchanged; with any bit of body or signature flipped it is refused.
// Sign refuses what Parse refuses.
func TestSignParseVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBody(t)
		author := rapid.SampledFrom(authors).Draw(t, "author")
		r, err := Sign(author, b)
		if err != nil {
			b.V, b.Author = Version, author.Key()
			var out bytes.Buffer
			e := json.NewEncoder(&out)
			e.SetEscapeHTML(false)
			if e.Encode(b) == nil {
				if _, err := Parse(strings.TrimSuffix(out.String(), "\n"), make([]byte, 64)); err == nil {
					t.Fatal("Sign refuses what Parse takes")
				}
			}
			return
		}
		c, err := Parse(r.Signed(), r.Signature())
		if err != nil {
			t.Fatalf("Parse: %v", err)
		}
		again, err := c.Verify()
		if err != nil {
			t.Fatalf("Verify: %v", err)
		}
		if c.ID() != r.ID() || c.Body().Author != author.Key() || again.ID() != r.ID() || Compare(r, again) != 0 {
			t.Fatal("another record came back")
		}
		if d := cmp.Diff(r.Body(), again.Body(), opaque); d != "" {
			t.Fatalf("signed and read differ:\n%s", d)
		}
		sameByEncodingJSON(t, r)
		sameByEncodingJSON(t, again)

		whole := append([]byte(r.Signed()), r.Signature()...)
		bit := rapid.IntRange(0, 8*len(whole)-1).Draw(t, "bit")
		whole[bit/8] ^= 1 << (bit % 8)
		c, err = Parse(string(whole[:len(whole)-64]), whole[len(whole)-64:])
		if err == nil {
			_, err = c.Verify()
		}
		if err == nil {
			t.Fatalf("still a record with bit %d flipped", bit)
		}
	})
}

// Every single bit of one record, body and signature.
func TestEveryBitCounts(t *testing.T) {
	r, err := Sign(authors[0], benchBody(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := append([]byte(r.Signed()), r.Signature()...)
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		c, err := Parse(string(flipped[:len(whole)-64]), flipped[len(whole)-64:])
		if err == nil {
			_, err = c.Verify()
		}
		if err == nil {
			t.Errorf("bit %d of byte %d doesn't count", bit%8, bit/8)
		}
	}
}

// appendString is encoding/json's string, for any bytes.
func TestStringsAsEncodingJSON(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, s string) {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatalf("%v", err)
		}
		if got, want := string(appendString(nil, s)), strings.TrimSuffix(out.String(), "\n"); got != want {
			t.Fatalf("%q is written %s, want %s", s, got, want)
		}
	}
	for i := range 256 {
		check(t, string([]byte{byte(i)}))
		check(t, "a"+string([]byte{byte(i)})+"b")
		check(t, string(rune(0x2000+i)))
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		check(t, drawText(t, "text", -1))
	})
}

// Sign signs nothing that others would refuse, and what it keeps is out of its caller's reach.
func TestSignRefuses(t *testing.T) {
	good := benchBody(t)
	for name, spoil := range map[string]func(*Body){
		"control in text":      func(b *Body) { b.Data = TextData("a\x1b[2J") },
		"text not UTF-8":       func(b *Body) { b.Data = TextData("a\xff") },
		"long text":            func(b *Body) { b.Data = TextData(strings.Repeat("x", MaxText+1)) },
		"empty name":           func(b *Body) { b.Kind = KindName; b.Data = NamingData("") },
		"long name":            func(b *Body) { b.Kind = KindName; b.Data = NamingData(strings.Repeat("x", MaxName+1)) },
		"no data":              func(b *Body) { b.Data = nil },
		"spaces in data":       func(b *Body) { b.Data = json.RawMessage(`{"text": "a"}`) },
		"two values":           func(b *Body) { b.Kind = "x"; b.Data = json.RawMessage(`{}{}`) },
		"unknown not UTF-8":    func(b *Body) { b.Kind = "x"; b.Data = json.RawMessage("{\"a\":\"\xff\"}") },
		"unknown not JSON":     func(b *Body) { b.Kind = "x"; b.Data = json.RawMessage(`{"a":}`) },
		"unknown over 32 KiB":  func(b *Body) { b.Kind = "x"; b.Data = json.RawMessage(`{"a":"` + strings.Repeat("x", MaxBody) + `"}`) },
		"negative time":        func(b *Body) { b.Time.Ms = -1 },
		"seq over 2^53":        func(b *Body) { b.Seq = 1 << 53 },
		"no predecessor":       func(b *Body) { b.Prev = ID{} },
		"a line outside feeds": func(b *Body) { b.Feed, b.Seq, b.Prev = 0, 0, ID{} },
	} {
		b := good
		spoil(&b)
		if r, err := Sign(authors[0], b); err == nil {
			t.Errorf("%s: signed %s", name, r.Signed())
		}
	}

	r, err := Sign(authors[0], good)
	if err != nil {
		t.Fatal(err)
	}
	text := r.Text()
	for i := range good.Data {
		good.Data[i] = 'x'
	}
	if r.Text() != text || !bytes.Contains([]byte(r.Signed()), r.Body().Data) || utf8.RuneCountInString(text) == 0 {
		t.Error("the caller's bytes are the record's")
	}
	r.Signature()[0] ^= 1
	if _, err := r.c.Verify(); err != nil {
		t.Error("the caller can change the signature")
	}
}

func TestVerifyRefusesAnotherAuthor(t *testing.T) {
	r, err := Sign(authors[0], benchBody(t))
	if err != nil {
		t.Fatal(err)
	}
	stolen := strings.Replace(r.Signed(), authors[0].Key().String(), authors[1].Key().String(), 1)
	c, err := Parse(stolen, r.Signature())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(); !errors.Is(err, ErrSignature) {
		t.Errorf("a line under another's name: %v", err)
	}
}

// Compare orders records by rule 8 of the package comment, in any order of arrival.
func TestCompare(t *testing.T) {
	var sorted []*Record // made in the order that they should have
	for _, time := range []Time{{1, 0}, {1, 1}, {2, 0}} {
		byKey := slices.Clone(authors)
		slices.SortFunc(byKey, func(a, b *identity.Identity) int { return a.Key().Compare(b.Key()) })
		for _, author := range byKey {
			for _, feed := range []Feed{1, 1 << 63} {
				for _, seq := range []uint64{9, 10} {
					b := benchBody(t)
					b.Time, b.Feed, b.Seq = time, feed, seq
					r, err := Sign(author, b)
					if err != nil {
						t.Fatal(err)
					}
					sorted = append(sorted, r)
				}
			}
		}
	}
	arrived := slices.Clone(sorted)
	rand.Shuffle(len(arrived), func(i, j int) { arrived[i], arrived[j] = arrived[j], arrived[i] })
	slices.SortFunc(arrived, Compare)
	for i := range sorted {
		if arrived[i] != sorted[i] {
			t.Fatalf("place %d holds another record", i)
		}
	}
}

func TestTimeAsJSON(t *testing.T) {
	want := Time{Ms: 1_764_000_000_000, N: 3}
	text, err := want.MarshalJSON()
	if err != nil || string(text) != "[1764000000000,3]" {
		t.Errorf("%v is written as %s: %v", want, text, err)
	}
	var got Time
	if err := got.UnmarshalJSON(text); err != nil || got != want {
		t.Errorf("%s is read as %v: %v", text, got, err)
	}
	for _, bad := range []string{"", "1,2", "[1]", "[1,2", "[,2]", "[1,]", "[1,2,3]", `["1",2]`} {
		if err := got.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s was read as %v", bad, got)
		}
	}
}

func TestIDs(t *testing.T) {
	// SHA-256 of "p2pchat/1/open-room\x00café", by another implementation.
	const want = "7da99e660791fd8295acdc89755f209d"
	if got := OpenRoom("caf\u00e9").String(); got != want {
		t.Errorf("room %s, want %s", got, want)
	}
	if OpenRoom("caf\u00e9") != OpenRoom("cafe\u0301") {
		t.Error("é typed on two keyboards is two rooms")
	}
	if OpenRoom("cafe") == OpenRoom("caf\u00e9") {
		t.Error("two names are one room")
	}
	if f := Feed(0xff); f.String() != "00000000000000ff" {
		t.Errorf("feed %s", f)
	}
	for _, ms := range []int64{1_790_000_000_000, 1, 0, -5} {
		seen := map[Feed]bool{}
		for range 1000 {
			f := NewFeed(ms)
			if seen[f] = true; f == 0 || int64(f>>16) != max(ms, 0) {
				t.Fatalf("feed %s at %d ms", f, ms)
			}
		}
		if len(seen) < 900 { // of 65,536
			t.Errorf("%d of 1000 feeds are different", len(seen))
		}
	}
	var id ID
	id[0], id[7], id[8] = 1, 2, 3
	if id.Head() != 0x0100000000000002 {
		t.Errorf("head %x", id.Head())
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 65), strings.Repeat("A", 64), strings.Repeat("g", 64)} {
		if id.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("id %q was read", bad)
		}
	}
}
