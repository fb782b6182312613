package messages

import "maps"

// lineCache holds the rows of entries that were drawn lately. All of them are for the same width,
// theme, search and labels: a change of any of these clears the cache.
type lineCache struct {
	rows  map[cacheKey]*cachedRows
	round uint64 // number of the drawing of the screen
}

// cacheKey is an entry and the way in which it was drawn.
type cacheKey struct {
	e        *entry
	named    bool // name and time are shown
	selected bool
}

type cachedRows struct {
	rows  []string
	round uint64 // when the rows were last used
}

func (c *lineCache) clear() { c.rows = make(map[cacheKey]*cachedRows) }

// drop makes the renderer draw an entry anew.
func (c *lineCache) drop(e *entry) {
	for _, named := range []bool{false, true} {
		for _, selected := range []bool{false, true} {
			delete(c.rows, cacheKey{e, named, selected})
		}
	}
}

// startRound begins a drawing of the screen. If the cache is large, rows unused for some rounds go.
func (c *lineCache) startRound(height int) {
	c.round++
	if len(c.rows) <= 8*height+64 {
		return
	}
	maps.DeleteFunc(c.rows, func(_ cacheKey, v *cachedRows) bool { return v.round+4 < c.round })
	if len(c.rows) > 64*(height+64) {
		c.clear()
	}
}

// height counts the rows of entry i, its separators included.
func (r *renderer) height(i int) int { return r.separatorHeight(i) + len(r.entryRows(i, false)) }

// entryRows returns the rows of entry i itself, from the cache if they are there. At the top of the
// screen an entry shows its name, though it stands in a group.
func (r *renderer) entryRows(i int, top bool) []string {
	e := r.log.entries[i]
	named := top || i <= r.viewport.floor || !e.sharesName(r.log.entries[i-1]) || r.startsDay(i)
	selected := i == r.viewport.selected
	k := cacheKey{e, named, selected}
	b := r.cache.rows[k]
	if b == nil {
		b = &cachedRows{rows: r.drawEntry(e, named, selected)}
		r.cache.rows[k] = b
	}
	b.round = r.cache.round
	return b.rows
}
