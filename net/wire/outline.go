package wire

import (
	"encoding/binary"
	"errors"

	"chat.lan/p2pchat/crypto/identity"
)

// Outline asks for sums, one level below those that the sender knows to differ. It names either buckets, authors or
// blocks. Without any of them it asks for the sums of all buckets.
type Outline struct {
	Room    string         `json:"room"`
	N       uint64         `json:"n"`
	Buckets []byte         `json:"buckets,omitempty"` // ascending
	Authors []identity.Key `json:"authors,omitempty"`
	Blocks  []BlockName    `json:"blocks,omitempty"`
	// AfterAuthor and After continue an answer that had a rest. AfterAuthor is its last author. After is its last block or
	// feed, which belongs to the first author or block that is named.
	AfterAuthor *identity.Key `json:"after_author,omitempty"`
	After       *uint64       `json:"after,omitempty"`
}

// BlockName names the feeds of an author whose numbers begin with the same 22 bits.
type BlockName struct {
	Author identity.Key `json:"author"`
	Block  uint32       `json:"block"`
}

// Sums is a part of the answer to the Outline with the same N; the last part has End set.
type Sums struct {
	Room    string         `json:"room"`
	N       uint64         `json:"n"`
	Buckets []byte         `json:"buckets,omitempty"` // 256 sums
	Authors []byte         `json:"authors,omitempty"` // packed
	Blocks  []AuthorBlocks `json:"blocks,omitempty"`
	Ends    []BlockEnds    `json:"ends,omitempty"`
	End     bool           `json:"end,omitempty"`
	Rest    bool           `json:"rest,omitempty"` // the answer ends before all that was asked for
	Less    bool           `json:"less,omitempty"` // the sender keeps something back from the receiver
}

// AuthorBlocks are an author's blocks, packed, the greatest first.
type AuthorBlocks struct {
	Author identity.Key `json:"author"`
	Blocks []byte       `json:"blocks"`
}

// BlockEnds are the ends of a block's feeds, packed, in ascending order.
type BlockEnds struct {
	Author identity.Key `json:"author"`
	Block  uint32       `json:"block"`
	Feeds  []byte       `json:"feeds"`
}

// FeedEnd is the end of a feed, as BlockEnds has it: the sender holds Floor to Seq. Head is the beginning of the last
// record's id.
type FeedEnd struct {
	Feed       uint64
	Head       [16]byte
	Seq, Floor uint64
}

// MaxSums is how many bytes the packed values of a Sums frame have at most, as base64.
const MaxSums = 60_000

// Sizes of packed values.
const (
	SumSize       = 16
	AuthorSumSize = 32 + SumSize
	BlockSumSize  = 4 + SumSize
)

// ErrPacked is the error of packed values that can't be.
var ErrPacked = errors.New("malformed packed values")

// AppendFeedEnd appends a packed feed: number and head, then seq and floor as unsigned LEB128.
func AppendFeedEnd(dst []byte, e FeedEnd) []byte {
	dst = append(binary.BigEndian.AppendUint64(dst, e.Feed), e.Head[:]...)
	return binary.AppendUvarint(binary.AppendUvarint(dst, e.Seq), e.Floor)
}

// ParseFeedEnds reads packed feeds.
func ParseFeedEnds(packed []byte) (out []FeedEnd, err error) {
	for len(packed) > 0 {
		if len(packed) < 24 {
			return nil, ErrPacked
		}
		e := FeedEnd{Feed: binary.BigEndian.Uint64(packed), Head: [16]byte(packed[8:])}
		packed = packed[24:]
		for _, n := range []*uint64{&e.Seq, &e.Floor} {
			v, size := binary.Uvarint(packed)
			if size <= 0 {
				return nil, ErrPacked
			}
			*n, packed = v, packed[size:]
		}
		out = append(out, e)
	}
	return out, nil
}

func (Outline) tag() string { return "Outline" }
func (Sums) tag() string    { return "Sums" }
