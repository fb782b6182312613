package hostile

import "context"

// Crowd is many keys of a few addresses.
type Crowd struct {
	Seed    uint64
	Dialers []Dialer // one for each address; the keys use them in turn
	Peers   []*Peer  // those that were let in and not closed
	next    int      // key
}

// Join links so many new keys to a program, one after the other. change sets what differs from cfg, if it isn't nil. It
// returns how many were let in.
func (c *Crowd) Join(ctx context.Context, addr string, keys int, cfg Config, change func(n int, cfg *Config)) (joined int) {
	for range keys {
		cfg := cfg
		cfg.Identity = Key(c.Seed, c.next)
		if change != nil {
			change(c.next, &cfg)
		}
		if p, err := Dial(ctx, c.Dialers[c.next%len(c.Dialers)], addr, cfg); err == nil {
			c.Peers = append(c.Peers, p)
			joined++
		}
		c.next++
	}
	return joined
}

// Close cuts all links.
func (c *Crowd) Close() {
	for _, p := range c.Peers {
		p.Close()
	}
	c.Peers = nil
}
