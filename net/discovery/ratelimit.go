package discovery

import "time"

// bucket is a token bucket. It starts full. Its owner has the lock.
type bucket struct {
	rate   float64 // tokens a second
	size   float64 // tokens it holds
	tokens float64
	at     time.Time // when tokens was right
}

func newBucket(rate, size float64, now time.Time) bucket {
	return bucket{rate: rate, size: size, tokens: size, at: now}
}

// take takes a token, or reports false if there is none.
func (b *bucket) take(now time.Time) bool {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(b.size, b.tokens+b.rate*passed.Seconds())
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
