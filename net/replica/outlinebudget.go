package replica

import (
	"maps"
	"time"

	"golang.org/x/time/rate"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
)

// A question about sums takes few bytes, and its answer may take none. But to look for the answer we read the disk or
// sort memory. So each answer costs as much as we look at. Feeds that we read and don't name cost most: an honest
// comparison names nearly all feeds that it reads. A peer that asks for too much hears, as from a full queue, that the
// answer is still to come.

// Prices, in authors, blocks or feeds that are looked at in memory.
const (
	priceQuestion = 64
	priceRead     = 4 // for each feed that is read from disk in vain
)

// What may be looked at for the strangers of a source, or for a key that was met.
const (
	outlineRate  = 1 << 16 // a second
	outlineBurst = 1 << 20 // at once: a year with a feed a minute is half of that
	// outlineDebt is the most that one answer counts, and that a source may owe: others there ask too. A peer asks five
	// times, a second apart, before it gives up.
	outlineDebt   = 4 * outlineRate
	outlineBegun  = outlineRate // counts for each answer that reads the disk, until it is known what it cost
	maxOutlineFor = 1024        // sources and keys that are remembered; all others share what is left
)

// asker is a key that was met, or stands for all strangers of a source.
type asker struct {
	key    identity.Key
	source standing.Source
}

// outlineBudget is what may be looked at for an asker. The replica's lock guards it.
type outlineBudget struct {
	*rate.Limiter
	begun int // answers that are being read from disk
}

// hasLeft reports whether one more question may be answered.
func (b *outlineBudget) hasLeft() bool {
	return b.TokensAt(time.Now()) > float64(b.begun*outlineBegun)
}

// charge counts what an answer has cost.
func (b *outlineBudget) charge(price int) {
	now := time.Now()
	most := min(outlineDebt, int(b.TokensAt(now))+outlineDebt)
	b.ReserveN(now, max(0, min(priceQuestion+price, most))) // no one waits for it: it makes debts
}

// budgetLocked returns the limit of what a peer's questions may cost.
func (r outlines) budgetLocked(key identity.Key) *outlineBudget {
	level, source := r.cfg.Host.Standing(key, key)
	of := asker{source: source.Shared()}
	if level >= standing.Met {
		of = asker{key: key}
	}
	all := r.mu.outlineBudgets
	if all[of] == nil && len(all) >= maxOutlineFor {
		now := time.Now()
		maps.DeleteFunc(all, func(_ asker, b *outlineBudget) bool { return b.begun == 0 && b.TokensAt(now) >= outlineBurst })
		if len(all) >= maxOutlineFor {
			of = asker{}
		}
	}
	if all[of] == nil {
		all[of] = &outlineBudget{Limiter: rate.NewLimiter(outlineRate, outlineBurst)}
	}
	return all[of]
}
