package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
)

const vectors = "../../testdata/wire"

// vector is a file of testdata/wire; README.txt there has its form.
type vector struct {
	name, expect, head, payload string
}

func readVectors(tb testing.TB, pattern string) []vector {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, pattern))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no vectors %s: %v", pattern, err)
	}
	var out []vector
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		header, payload, ok := strings.Cut(string(text), "\n\n")
		payload, newline := strings.CutSuffix(payload, "\n")
		if !ok || !newline {
			tb.Fatalf("%s is not a vector", f)
		}
		v := vector{name: strings.TrimSuffix(filepath.Base(f), ".txt"), payload: payload}
		for line := range strings.Lines(header) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
			case "expect":
				v.expect = value
			case "head":
				v.head = value
			}
		}
		out = append(out, v)
	}
	return out
}

func key(tb testing.TB, text string) identity.Key {
	tb.Helper()
	k, err := identity.ParseKey(text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

const (
	alice = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	room  = "7da99e660791fd8295acdc89755f209d"
	feed  = "1122334455667788"
)

var proposal = strings.Repeat("ab", 32)

// messages holds the messages of the vectors message-*.txt.
func messages(tb testing.TB) map[string]Message {
	a := key(tb, alice)
	signature := bytes.Repeat([]byte{0xa5}, 64)
	sum, one := signature[:SumSize:SumSize], uint64(1)
	return map[string]Message{
		"message-hello": Hello{
			Versions: []int{1}, ID: "21fe31df-a154-8261-a26b-f854046fd227", Name: "Zoë <3", Started: 1790000000000,
			Inst: "00ff00ff00ff00ff", Caps: []string{"x"}, Port: 8080, Agent: "p2pchat/1.0",
			Rooms: []InRoom{{Room: room, Frontier: "0011223344556677"}},
		},
		"message-hello-bare": Hello{},
		"message-hello-policy": Hello{
			Versions: []int{1}, ID: "x", Name: "a", Started: 1, Inst: "00ff00ff00ff00ff", Port: 8080, Agent: "p",
			Rooms: []InRoom{{Room: room, Frontier: "00", Policy: &Policy{SecureOnly: true, By: proposal, Votes: "0011223344556677"}}},
		},
		"message-frontier-votes": Frontier{
			Room: room, Hash: "00", Turn: 1, Feeds: []Holding{}, Votes: []HeldVotes{{Proposal: proposal, Bits: []byte{5, 0}}}, Last: true,
		},
		"message-frontier-part":   Frontier{Room: room, Hash: "00", Turn: 1, Feeds: []Holding{}, Last: true, Part: true},
		"message-outline":         Outline{Room: room, N: 7},
		"message-outline-buckets": Outline{Room: room, N: 8, Buckets: []byte{1, 255}, AfterAuthor: &a},
		"message-outline-authors": Outline{Room: room, N: 9, Authors: []identity.Key{a}, After: new(uint64)},
		"message-outline-blocks":  Outline{Room: room, N: 10, Blocks: []BlockName{{Author: a, Block: 398420}}, After: &one},
		"message-sums-buckets":    Sums{Room: room, N: 7, Buckets: sum, End: true},
		"message-sums-authors":    Sums{Room: room, N: 8, Authors: append(a.Bytes(), sum...), End: true, Rest: true},
		"message-sums-blocks": Sums{Room: room, N: 9, End: true, Less: true,
			Blocks: []AuthorBlocks{{Author: a, Blocks: append([]byte{0, 6, 0x14, 0x54}, sum...)}}},
		"message-sums-ends": Sums{Room: room, N: 10, Ends: []BlockEnds{{Author: a, Block: 398420, Feeds: AppendFeedEnd(nil,
			FeedEnd{Feed: 0x1122334455667788, Head: [16]byte(sum), Seq: 300, Floor: 4})}}},
		"message-want-votes": Want{Room: room, N: 6, Frames: 4, Ranges: []Range{}, Votes: []HeldVotes{{Proposal: proposal, Bits: []byte{}}}},
		"message-ping":       Ping{N: 7, Stamp: 123456789, Frontier: map[string]string{room: "0011223344556677"}},
		"message-ping-bare":  Ping{N: 1},
		"message-pong":       Pong{N: math.MaxUint64, Stamp: -1},
		"message-heartbeat":  Heartbeat("21fe31df-a154-8261-a26b-f854046fd227"),
		"message-record":     Record{Body: `{"v":1,"text":"\"é\" \\ <b>"}`, Sig: signature},
		"message-chat":       Chat{FromID: "21fe31df-a154-8261-a26b-f854046fd227", FromName: "nc", Content: "a\n\u2028\x1b<&>", Timestamp: 1790000000},
		"message-chat-via":   Chat{FromID: "x", Via: &a},
		"message-have":       Have{Room: room, Heads: []Head{{Author: a, Feed: feed, Seq: 9007199254740991}}},
		"message-frontier": Frontier{
			Room: room, Hash: "0011223344556677", Turn: 3, Last: true, Ask: true,
			Feeds: []Holding{{Author: a, Feed: feed, Seq: 9, Head: "aabbccddeeff0011", Floor: 4}},
		},
		"message-want":         Want{Room: room, N: 5, Frames: 8, Ranges: []Range{{Author: a, Feed: feed, From: 1, To: 9}}},
		"message-records":      Records{Room: room, N: 5, Records: []Record{{Body: "{}", Sig: signature}, {Body: "", Sig: []byte{}}}, End: true},
		"message-peers":        Peers{Peers: []Contact{{Key: a, Addrs: []string{"10.0.0.4:8080", "[fe80::1%eth0]:8080"}}}},
		"message-links":        Links{Links: []Neighbour{{Key: a, RTTMs: 0.25}}},
		"message-links-change": Links{Add: []identity.Key{a}, Drop: []identity.Key{a}},
		"message-heads": Heads{Room: room, Feeds: []Holding{{Author: a, Feed: feed, Seq: 9, Head: "aabbccddeeff0011"}},
			Votes: []HeldVotes{{Proposal: proposal, Bits: []byte{5, 0}}}},
		"message-typing":  Typing{Room: room, On: true},
		"message-bye":     Bye{Reason: ByeLeaving},
		"message-refused": Refused{Room: room, Authors: []identity.Key{a}, Taken: true, More: true, ForMs: 300000},
		"message-hello-near": Hello{
			Versions: []int{1}, ID: "x", Name: "a", Started: 1, Inst: "00ff00ff00ff00ff", Port: 8080, Agent: "p",
			Links: new(int), Near: []string{NearKey(a)}, Rooms: []InRoom{},
		},
		"message-bye-room": Bye{Reason: ByeRoom, Peers: []Contact{{Key: a, Addrs: []string{"10.0.0.4:8080"}}}},
	}
}

// The bytes of every message are pinned, length and payload.
func TestMessageVectors(t *testing.T) {
	want := messages(t)
	tags := map[string]bool{}
	for _, v := range readVectors(t, "message-*.txt") {
		m, ok := want[v.name]
		if !ok {
			t.Errorf("%s: no message for this vector", v.name)
			continue
		}
		delete(want, v.name)
		tags[m.tag()] = true
		f, err := Encode(m)
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		if got := hex.EncodeToString(f[:4]); got != v.head || string(f[4:]) != v.payload {
			t.Errorf("%s is encoded\n%s %s\nwant\n%s %s", v.name, got, f[4:], v.head, v.payload)
		}
		back, err := Decode([]byte(v.payload))
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		if d := cmp.Diff(m, back, cmp.Comparer(func(a, b identity.Key) bool { return a == b })); d != "" || v.expect != m.tag() {
			t.Errorf("%s (%s) is decoded otherwise:\n%s", v.name, v.expect, d)
		}
	}
	for name := range want {
		t.Errorf("%s has no vector", name)
	}
	for tag := range forms {
		if !tags[tag] {
			t.Errorf("%s has no vector", tag)
		}
	}
}

// Payloads that are not as we write them: some are understood, the others close the link.
func TestPayloadVectors(t *testing.T) {
	errs := map[string]error{"utf-8": ErrUTF8, "no-tag": ErrNoTag, "mismatch": ErrMismatch}
	for _, v := range readVectors(t, "payload-*.txt") {
		m, err := Decode([]byte(v.payload))
		want, bad := errs[v.expect]
		switch {
		case bad:
			if !errors.Is(err, want) || m != nil {
				t.Errorf("%s: %v, %v, want %v", v.name, m, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", v.name, err)
		case strings.HasPrefix(v.expect, "unknown"):
			if m != (Unknown{Tag: strings.TrimSpace(strings.TrimPrefix(v.expect, "unknown"))}) {
				t.Errorf("%s: %#v, want %s", v.name, m, v.expect)
			}
		default: // the form that we would have written
			f, err := Encode(m)
			if err != nil || string(f[4:]) != v.expect {
				t.Errorf("%s: read as %s (%v), want %s", v.name, f, err, v.expect)
			}
		}
	}
}

// What only a program can build.
func TestDecodeHostile(t *testing.T) {
	deep := strings.Repeat("[", MaxFrame/2) + strings.Repeat("]", MaxFrame/2)
	for name, payload := range map[string]string{
		"deep unknown":       `{"Deep":` + deep + `}`,
		"deep unknown field": `{"Ping":{"x":` + deep + `}}`,
		"deep opening":       strings.Repeat(`{"a":`, MaxFrame/5),
		"deep brackets":      strings.Repeat("[", MaxFrame),
	} {
		if m, err := Decode([]byte(payload)); err == nil {
			t.Errorf("%s: %v", name, m)
		}
	}
	many := `{"Peers":{"peers":[` + strings.Repeat(`{},`, 21_000) + `{}]}}`
	if m, err := Decode([]byte(many)); err != nil || len(m.(Peers).Peers) != 21_001 {
		t.Errorf("many empty contacts: %v", err)
	}
	weak := strings.Replace(`{"Have":{"room":"","heads":[{"author":"KEY","feed":"","seq":1}]}}`, "KEY", "01"+strings.Repeat("0", 62), 1)
	if _, err := Decode([]byte(weak)); !errors.Is(err, ErrMismatch) || !errors.Is(err, identity.ErrSmallOrder) {
		t.Errorf("a small-order key: %v", err)
	}
}

// Decode's result outlives the payload's buffer.
func TestDecodeKeepsNothing(t *testing.T) {
	for _, v := range readVectors(t, "message-*.txt") {
		payload := []byte(v.payload)
		m, err := Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		for i := range payload {
			payload[i] = 'x'
		}
		if f, err := Encode(m); err != nil || string(f[4:]) != v.payload {
			t.Errorf("%s changed with its buffer: %s", v.name, f)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	if _, err := Encode(Chat{Content: strings.Repeat("x", MaxFrame)}); !errors.Is(err, ErrFrameSize) {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := Encode(Record{Body: strings.Repeat("x", MaxFrame), Sig: []byte{1}}); !errors.Is(err, ErrFrameSize) {
		t.Errorf("a record over the limit: %v", err)
	}
	if _, err := Encode(Links{Links: []Neighbour{{RTTMs: math.NaN()}}}); err == nil {
		t.Error("NaN was encoded")
	}
	if _, err := Encode(Unknown{Tag: `x":1,"Bye`}); err == nil {
		t.Error("an unknown tag was encoded")
	}
}

// A record of any bytes is written and read by hand as encoding/json writes and reads it.
func TestRecordAsEncodingJSON(t *testing.T) {
	special := rapid.StringOf(rapid.SampledFrom([]rune("\"\\{}:,aé\n\u2028\u2029\ufffd\x00\x7f🦊<&")))
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Body: rapid.OneOf(special, rapid.String(), rapid.Custom(func(t *rapid.T) string {
				return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
			})).Draw(t, "body"),
			Sig: rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 70), rapid.Just[[]byte](nil)).Draw(t, "sig"),
		}
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]Record{"Record": r}); err != nil {
			t.Fatal(err)
		}
		f, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimSuffix(out.String(), "\n"); string(f[4:]) != want {
			t.Fatalf("encoded\n%s\nwant\n%s", f[4:], want)
		}
		var want map[string]Record
		if err := json.Unmarshal(f[4:], &want); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(f[4:])
		if d := cmp.Diff(want["Record"], got); err != nil || d != "" {
			t.Fatalf("decoded (%v) otherwise:\n%s", err, d)
		}
	})
}
