package room

import (
	"net/netip"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
)

func mayWarm(r *Room, key BlockKey) bool {
	_, may := r.mayWarm(key)
	return may
}

// A large block comes back where there is much space, or others have to give way, but not at once after its author had
// to, unless that is known. A small one comes while there is any space. A block of very many feeds never comes.
func TestMayWarm(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	small, large, known := addBlock(t, r, 20, 5, 4), addBlock(t, r, 21, 5, 5), addBlock(t, r, 30, 5, 5)
	if mayWarm(r, small) || r.CanWarm(small) {
		t.Error("it is warm")
	}
	for _, key := range []BlockKey{small, large, known} {
		r.Cool(key)
		if !mayWarm(r, key) || !r.CanWarm(key) {
			t.Errorf("%v doesn't come", key)
		}
		r.findBlock(key).pressed = now
	}
	if !mayWarm(r, small) || mayWarm(r, large) || !mayWarm(r, known) {
		t.Errorf("after they had to give way: %v, %v, %v", mayWarm(r, small), mayWarm(r, large), mayWarm(r, known))
	}
	now = now.Add(pressedFor)
	if !mayWarm(r, large) {
		t.Error("a large block never comes again")
	}
	addBlock(t, r, 22, 5, 13)
	if !mayWarm(r, small) || !mayWarm(r, large) {
		t.Errorf("beside many feeds of somebody else: %v, %v", mayWarm(r, small), mayWarm(r, large))
	}
	addBlock(t, r, 21, 6, 10)
	if !mayWarm(r, small) || mayWarm(r, large) || !r.CanWarm(large) {
		t.Errorf("beside many feeds of its author: %v, %v", mayWarm(r, small), mayWarm(r, large))
	}
	addBlock(t, r, 20, 6, 9)
	if mayWarm(r, small) {
		t.Error("a small block comes where its author has to give way")
	}
	if r.findBlock(known).coldFeeds = 33; r.CanWarm(known) || mayWarm(r, known) {
		t.Error("a block of very many feeds comes")
	}
}

// statesOf returns what a store has of a block that is in memory.
func statesOf(r *Room, key BlockKey) (out []store.Feed) {
	for _, number := range r.findBlock(key).feeds {
		f := r.feeds[feedKey(key.Author, number)]
		out = append(out, store.Feed{Key: feedKey(key.Author, number), Next: f.next(), Head: f.head})
	}
	return out
}

// Blocks that are read at the same time count against each other, and against feeds that begin. A block that two
// goroutines read counts once, until both have ended.
func TestBlocksReadAtOnce(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	var blocks []BlockKey
	states := map[BlockKey][]store.Feed{}
	for block := range Block(5) {
		key := addBlock(t, r, 20, block+5, 4)
		blocks, states[key] = append(blocks, key), statesOf(r, key)
		r.Cool(key)
	}
	addBlock(t, r, 21, 5, 10)
	addBlock(t, r, 22, 5, 10)
	count := func(want int, when string) {
		t.Helper()
		if got := r.memory.use.Used(); got != want {
			t.Errorf("%s: %d feeds are counted, want %d", when, got, want)
		}
	}
	for _, key := range blocks[:3] { // up to eight times the rule
		if !r.BeginWarm(key) {
			t.Fatalf("%v isn't read", key)
		}
	}
	count(32, "three blocks are read")
	if !r.BeginWarm(blocks[0]) {
		t.Error("a block isn't read twice")
	}
	count(32, "one of them twice")
	if r.BeginWarm(blocks[3]) || r.mayBegin(blocks[0].Author) {
		t.Error("what is being read doesn't count")
	}
	r.EndWarm(blocks[1])
	count(28, "one couldn't be read")
	r.Warm(blocks[0], states[blocks[0]])
	r.EndWarm(blocks[0])
	r.Warm(blocks[2], states[blocks[2]])
	r.EndWarm(blocks[2])
	count(len(r.feeds)+4, "the second reader of a block")
	r.Warm(blocks[0], states[blocks[0]])
	r.EndWarm(blocks[0])
	count(len(r.feeds), "all have ended")
	if len(r.feeds) != 28 || len(r.memory.reading) != 0 || r.IsCold(blocks[0]) || !r.IsCold(blocks[1]) {
		t.Errorf("%d feeds in memory, %d blocks are being read", len(r.feeds), len(r.memory.reading))
	}
}

// A block that was cooled with more feeds while another goroutine reads it has the rest of them reserved. Evidence of
// forks in feeds that the store lacks takes space too.
func TestBlockGrowsWhileItIsRead(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	key := addBlock(t, r, 20, 5, 3)
	r.Cool(key)
	if !r.BeginWarm(key) {
		t.Fatal("isn't read")
	}
	r.findBlock(key).coldFeeds = 5
	r.coldForks = map[BlockKey][]*Fork{key: {{Key: feedKey(key.Author, 5<<blockShift|9)}}}
	if !r.BeginWarm(key) || r.memory.use.Used() != 6 {
		t.Errorf("%d feeds are reserved, want 6", r.memory.use.Used())
	}
	r.EndWarm(key)
	r.EndWarm(key)
	if r.memory.use.Used() != 0 {
		t.Errorf("%d feeds stay reserved", r.memory.use.Used())
	}
}

// Not more than sixteen times the rule is in memory, whatever is read and begun at once and whoever asks for it.
func TestFeedsInMemoryAreBounded(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	states := map[BlockKey][]store.Feed{}
	for author := byte(40); author < 80; author++ {
		key := addBlock(t, r, author, 5, 3)
		states[key] = statesOf(r, key)
		r.Cool(key)
	}
	begun := 0
	for key := range states {
		if r.BeginWarm(key) {
			begun++
		}
	}
	for author := byte(100); author < 200; author++ {
		if r.mayBegin(identity.FromSeed([32]byte{author}).Key()) {
			addBlock(t, r, author, 5, 1)
		}
	}
	for key, feeds := range states {
		if r.memory.reading[key] != nil {
			r.Warm(key, feeds)
			r.EndWarm(key)
		}
	}
	if n := len(r.feeds); n > 64 || n < 60 || begun < 10 || r.memory.use.Used() != n {
		t.Errorf("%d feeds are in memory, %d counted, %d blocks were read; want 64 at most", n, r.memory.use.Used(), begun)
	}
}

// Who has a block read that is of an author in memory doesn't say where the author's feeds come from. Of an author of
// which nothing is in memory, it does. A question moves no author either.
func TestReadersMoveNoAuthor(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	near, far := standing.SourceOf(netip.MustParseAddr("10.1.0.1"), nil), standing.SourceOf(netip.MustParseAddr("10.1.0.2"), nil)
	from := near
	r.SetRank(func(identity.Key) (standing.Level, standing.Source) { return standing.Heard, from })
	addBlock(t, r, 20, 5, 3)
	cold := addBlock(t, r, 20, 6, 3)
	states := statesOf(r, cold)
	r.Cool(cold)
	from = far
	for author := byte(21); author < 24; author++ {
		addBlock(t, r, author, 5, 4)
	}
	givesWay := func() bool { // the author has most: it does if all come from far
		victim, over := r.memory.use.Victim(identity.Key{})
		return over && victim == cold.Author
	}
	read := func() {
		t.Helper()
		if !r.BeginWarm(cold) {
			t.Fatal("isn't read")
		}
		r.Warm(cold, states)
		r.EndWarm(cold)
	}
	if r.givesWay(cold.Author, standing.Heard, far, 1); !mayWarm(r, cold) || givesWay() {
		t.Error("a question moved the author")
	}
	if read(); givesWay() {
		t.Error("the author is where the reader is")
	}
	r.Cool(cold)
	r.Cool(BlockKey{cold.Author, 5})
	read()
	if !r.memory.use.WouldGiveWay(cold.Author, standing.Heard, standing.Source{}, 3, identity.Key{}) {
		t.Error("the author isn't where the reader is, though nothing was in memory")
	}
}
