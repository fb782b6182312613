package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Packed feeds are read as they were written, and a part of a feed is refused.
func TestFeedEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []FeedEnd
		var packed []byte
		ends := map[int]bool{0: true}
		for range rapid.IntRange(0, 5).Draw(t, "feeds") {
			e := FeedEnd{Feed: rapid.Uint64().Draw(t, "feed"), Seq: rapid.Uint64().Draw(t, "seq"), Floor: rapid.Uint64().Draw(t, "floor"),
				Head: [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "head"))}
			want = append(want, e)
			packed = AppendFeedEnd(packed, e)
			ends[len(packed)] = true
		}
		if got, err := ParseFeedEnds(packed); err != nil || cmp.Diff(want, got) != "" {
			t.Fatalf("%v\n%s", err, cmp.Diff(want, got))
		}
		for n := range packed {
			if _, err := ParseFeedEnds(packed[:n]); (err == nil) != ends[n] || err != nil && !errors.Is(err, ErrPacked) {
				t.Fatalf("%d bytes of %d: %v", n, len(packed), err)
			}
		}
	})
}
