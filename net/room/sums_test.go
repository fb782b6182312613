package room

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// someFeeds signs feeds of three records each: 4 authors with 2 blocks of 3 feeds.
func someFeeds(t *testing.T) (out [][]*record.Record) {
	t.Helper()
	for author := range byte(4) {
		for feed := range record.Feed(6) {
			out = append(out, chain(t, 10+author, feed/3<<blockShift|(feed+1), 2, record.KindChat, `{"text":"x"}`))
		}
	}
	return out
}

// referenceSum computes a room's sum as the package comment has it, from the last records of its feeds.
func referenceSum(ends []*record.Record) Sum {
	cut := func(in []byte) Sum {
		full := sha256.Sum256(in)
		return Sum(full[:16])
	}
	slices.SortFunc(ends, func(a, b *record.Record) int { return a.FeedKey().Compare(b.FeedKey()) })
	blocks, authors := map[BlockKey][]byte{}, map[identity.Key][]byte{}
	var blockOrder []BlockKey
	var authorOrder []identity.Key
	for _, e := range ends {
		k := BlockKey{e.Author(), Block(e.Feed() >> 42)}
		if blocks[k] == nil {
			blockOrder = append(blockOrder, k)
			blocks[k] = binary.BigEndian.AppendUint32(slices.Clone(k.Author.Bytes()), uint32(k.Block))
		}
		b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(blocks[k], uint64(e.Feed())), e.Seq())
		id := e.ID()
		blocks[k] = append(b, id[:16]...)
	}
	for _, k := range blockOrder {
		if authors[k.Author] == nil {
			authorOrder = append(authorOrder, k.Author)
		}
		sum := cut(blocks[k])
		authors[k.Author] = append(binary.BigEndian.AppendUint32(authors[k.Author], uint32(k.Block)), sum[:]...)
	}
	var buckets [256][]byte
	for _, k := range authorOrder {
		sum, i := cut(authors[k]), k.Bytes()[0]
		buckets[i] = append(append(buckets[i], k.Bytes()...), sum[:]...)
	}
	var all []byte
	for _, b := range buckets {
		var sum Sum
		if b != nil {
			sum = cut(b)
		}
		all = append(all, sum[:]...)
	}
	return cut(all)
}

// Rooms with the same records have the same sum, in whatever order the records came and whenever sums were asked for:
// the one that the package comment defines.
func TestSumOfAnyOrder(t *testing.T) {
	feeds := someFeeds(t)
	rapid.Check(t, func(rt *rapid.T) {
		var recs, ends []*record.Record
		for _, f := range feeds {
			if n := rapid.IntRange(0, len(f)).Draw(rt, "records"); n > 0 {
				recs, ends = append(recs, f[:n]...), append(ends, f[n-1])
			}
		}
		want := referenceSum(ends)
		if len(recs) > 0 {
			recs = rapid.Permutation(recs).Draw(rt, "order")
		}
		r := someone(t, 1)
		for _, rec := range recs {
			if _, err := r.Accept(rec); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "ask") {
				r.Sum(nil)
			}
		}
		if got := r.Sum(nil); got != want {
			rt.Fatalf("sum %s, want %s", got, want)
		}
	})
}

// One record more changes the sums over its block, author, bucket and room, and no others.
func TestSumOfOneChange(t *testing.T) {
	feeds := someFeeds(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := someone(t, 1)
		for _, f := range feeds {
			acceptAll(t, r, f[:2])
		}
		blocksOf := func() map[BlockKey]Sum {
			r.Sum(nil)
			out := map[BlockKey]Sum{}
			for key, a := range r.sums.authors {
				for _, b := range a.order {
					out[BlockKey{key, b.number}] = b.sum
				}
			}
			return out
		}
		beforeBlocks, before, beforeAll := blocksOf(), bucketSums(r, nil), r.Sum(nil)
		rec := rapid.SampledFrom(feeds).Draw(rt, "feed")[2]
		acceptAll(t, r, []*record.Record{rec})
		changed := BlockKey{rec.Author(), BlockOf(rec.Feed())}
		for k, sum := range blocksOf() {
			if (sum != beforeBlocks[k]) != (k == changed) {
				rt.Errorf("sum of block %v", k)
			}
		}
		for i, sum := range bucketSums(r, nil) {
			if (sum != before[i]) != (byte(i) == bucketOf(rec.Author())) {
				rt.Errorf("sum of bucket %d", i)
			}
		}
		if r.Sum(nil) == beforeAll {
			rt.Error("the room's sum stays")
		}
	})
}

// Whatever moves the end of a feed changes the sum: a fork, a restored store, and a store that lost records.
func TestSumFollowsEnds(t *testing.T) {
	a, b := twoChains(t, 7, 1, 2)
	r := someone(t, 1)
	acceptAll(t, r, a)
	whole := r.Sum(nil)
	restored := someone(t, 1)
	restored.Restore(storeFeed(a), nil)
	if got := restored.Sum(nil); got != whole {
		t.Errorf("restored: %s, want %s", got, whole)
	}
	restored.ResaveOrTruncate(a[0].FeedKey(), 2, a[1].ID())
	short := restored.Sum(nil)
	if short != referenceSum(a[1:2]) {
		t.Errorf("truncated: %s", short)
	}
	if out, _ := r.Accept(b[2]); out.Fork == nil {
		t.Fatal("no fork")
	}
	if got := r.Sum(nil); got != short {
		t.Errorf("forked: %s, want %s", got, short)
	}
	empty, never := someone(t, 1), someone(t, 1)
	empty.Restore(storeFeed(a), nil)
	empty.ResaveOrTruncate(a[0].FeedKey(), 0, record.ID{})
	if empty.Sum(nil) != never.Sum(nil) {
		t.Errorf("a room that lost all has the sum %s, a new one %s", empty.Sum(nil), never.Sum(nil))
	}
	late := someone(t, 1)
	acceptAll(t, late, a[2:])
	late.StartFeedAt(a[0].Author(), a[0].FeedKey(), 2)
	if got := late.Sum(nil); got != whole {
		t.Errorf("with its beginning given up: %s, want %s", got, whole)
	}
}

// Authors that are left out of sums are as if nothing of them were held.
func TestSumWithout(t *testing.T) {
	feeds := someFeeds(t)
	r, rest := someone(t, 1), someone(t, 1)
	without := func(key identity.Key) bool {
		return key == identity.FromSeed([32]byte{11}).Key() || key == identity.FromSeed([32]byte{13}).Key()
	}
	for _, f := range feeds {
		acceptAll(t, r, f)
		if !without(f[0].Author()) {
			acceptAll(t, rest, f)
		}
	}
	all := r.Sum(nil)
	if bucketSums(r, without) != bucketSums(rest, nil) || r.Sum(without) != rest.Sum(nil) || r.Sum(without) == all {
		t.Error("another sum than that of a room without these authors")
	}
	if r.Sum(nil) != all {
		t.Error("the room's own sum has changed")
	}
}

// bucketSums returns the sums over all buckets.
func bucketSums(r *Room, leaveOut func(identity.Key) bool) (out [Buckets]Sum) {
	for i := range out {
		out[i] = r.BucketSum(byte(i), leaveOut)
	}
	return out
}

// Each link's goroutines ask for the sum with every ping, so it must not grow their stacks.
func TestSumTakesLittleStack(t *testing.T) {
	r := someone(t, 1)
	for _, f := range someFeeds(t) {
		acceptAll(t, r, f)
	}
	const goroutines = 500
	asked, end := make(chan bool), make(chan bool)
	var ended sync.WaitGroup
	runtime.GC() // frees the stacks of earlier tests
	before := stackBytes()
	for range goroutines {
		ended.Go(func() {
			r.sums.fresh = false // as after a record
			r.Sum(nil)
			asked <- true
			<-end
		})
		<-asked
	}
	each := (stackBytes() - before) / goroutines
	close(end)
	ended.Wait()
	if each > 8<<10 {
		t.Errorf("a goroutine that asked has a stack of %d bytes", each)
	}
}

func stackBytes() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}

// A record costs the hashing of its own block, however many feeds there are.
func TestSumCostsOneBlock(t *testing.T) {
	var feeds []madeFeed
	for i := range 2000 {
		feeds = append(feeds, madeFeed{author: byte(2 + i%5), feed: record.Feed(i/100)<<blockShift | record.Feed(i+1)})
	}
	r := someone(t, 1)
	for _, f := range feeds {
		acceptAll(t, r, chain(t, f.author, f.feed, 0, "", ""))
	}
	r.Sum(nil)
	all, least := r.sums.hashed, len(feeds)
	if all < least {
		t.Fatalf("%d feeds were hashed of %d", all, least)
	}
	acceptAll(t, r, chain(t, feeds[7].author, feeds[7].feed, 1, record.KindChat, `{"text":"x"}`)[1:])
	r.Sum(nil)
	r.Sum(nil)
	if got := r.sums.hashed - all; got != 20 {
		t.Errorf("%d feeds were hashed for one record, want the 20 of its block", got)
	}
}

// madeFeed names a feed to make.
type madeFeed struct {
	author byte
	feed   record.Feed
}
