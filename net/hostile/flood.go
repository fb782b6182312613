package hostile

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Feeds opens so many feeds of an author, one record each.
func Feeds(a *Author, feeds int, rng *rand.Rand) iter.Seq[wire.Message] {
	return func(yield func(wire.Message) bool) {
		for n := range feeds {
			if !yield(Frame(a.Open(anyFeed(rng), fmt.Sprint("feed ", n)))) {
				return
			}
		}
	}
}

// Names renames an author so many times.
func Names(a *Author, name func(n int) string, names int) iter.Seq[wire.Message] {
	return func(yield func(wire.Message) bool) {
		for n := range names {
			if !yield(Frame(a.Rename(name(n)))) {
				return
			}
		}
	}
}

// Messages says so many messages of some bytes.
func Messages(a *Author, messages, bytes int) iter.Seq[wire.Message] {
	return func(yield func(wire.Message) bool) {
		for n := range messages {
			if !yield(Frame(a.Say(fmt.Sprintf("%0*d", bytes, n)))) {
				return
			}
		}
	}
}

// Inventions signs so many records of unknown kinds, of some bytes.
func Inventions(a *Author, records, bytes int) iter.Seq[wire.Message] {
	return func(yield func(wire.Message) bool) {
		for range records {
			if !yield(Frame(a.Invent("hologram", bytes))) {
				return
			}
		}
	}
}

// Forgeries sends one record so many times, with a wrong signature.
func Forgeries(rec *record.Record, times int) iter.Seq[wire.Message] {
	return func(yield func(wire.Message) bool) {
		for range times {
			if !yield(Forge(rec)) {
				return
			}
		}
	}
}

// maxContacts is how many peers a Peers frame may name.
const maxContacts = 50

// InventedPeers names keys without an owner, in so many frames of 50, at addresses that addr returns.
func InventedPeers(rng *rand.Rand, frames int, addr func() string) iter.Seq[wire.Message] {
	return func(yield func(wire.Message) bool) {
		for range frames {
			var m wire.Peers
			for range maxContacts {
				m.Peers = append(m.Peers, wire.Contact{Key: inventedKey(rng), Addrs: []string{addr()}})
			}
			if !yield(m) {
				return
			}
		}
	}
}

// InventedLinks names links to so many keys without an owner.
func InventedLinks(rng *rand.Rand, links int) wire.Links {
	var m wire.Links
	for range links {
		m.Links = append(m.Links, wire.Neighbour{Key: inventedKey(rng), RTTMs: rng.Float64()})
	}
	return m
}

// InventedHoldings claims so many feeds of keys without an owner.
func InventedHoldings(rng *rand.Rand, feeds int) (claimed []wire.Holding) {
	for range feeds {
		claimed = append(claimed, wire.Holding{
			Author: inventedKey(rng), Feed: anyFeed(rng).String(), Seq: rng.Uint64N(1 << 20), Head: anyFeed(rng).String(),
		})
	}
	return claimed
}

// InventedWant asks for everything of some feeds.
func InventedWant(rng *rand.Rand, room record.RoomID, of []wire.Holding) wire.Want {
	w := wire.Want{Room: room.String(), N: rng.Uint64N(1 << 53), Frames: 8, Ranges: []wire.Range{}}
	for _, h := range of[:min(len(of), 256)] {
		w.Ranges = append(w.Ranges, wire.Range{Author: h.Author, Feed: h.Feed, To: 1 << 52})
	}
	return w
}

// UnknownTag returns a payload that only a later version of the protocol could know.
func UnknownTag(rng *rand.Rand) []byte {
	return fmt.Appendf(nil, `{"Hologram%d":{"x":[1,2,3]}}`, rng.IntN(1000))
}
