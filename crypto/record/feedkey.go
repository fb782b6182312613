package record

import (
	"cmp"
	"errors"

	"chat.lan/p2pchat/crypto/identity"
)

// ErrOtherRoom refuses a record of another room than the one it was given for.
var ErrOtherRoom = errors.New("record belongs to another room")

// FeedKey names a feed among those of all authors: any author may use any Feed number.
type FeedKey struct {
	Author identity.Key
	Feed   Feed
}

// Compare orders feed keys by author, then by feed.
func (k FeedKey) Compare(other FeedKey) int {
	return cmp.Or(k.Author.Compare(other.Author), cmp.Compare(k.Feed, other.Feed))
}

// FeedKey returns the key of the feed that the record is in.
func (r *Record) FeedKey() FeedKey { return FeedKey{Author: r.Author(), Feed: r.Feed()} }
