package cli

import (
	"os"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/profile"
)

// Each run writes a feed of its own, and peers keep and compare every feed. So send, which cron may start each minute,
// goes on with the feed of the send before. A chat doesn't: it opens only a few feeds a day, and it seldom ends well (a
// closed terminal, a laptop without power). A fork would also take more with it: all that the person said in hours.

// openLastFeed finds the feed to go on with, if the run wants that and the system can.
func (r *run) openLastFeed() {
	if !r.goOn {
		return
	}
	f, err := profile.OpenLastFeed(os.Getenv("XDG_RUNTIME_DIR"), r.cfg.Identity.Key(), record.OpenRoom(r.cfg.Room))
	if err != nil {
		r.log.Info("a new feed", "because", err)
		return
	}
	r.lastFeed = f
	if end, ok := f.Take(); ok {
		r.cfg.Continue = end
	}
}

// saveLastFeed notes where our feed ends. Everything must be on disk, and the node closed.
func (r *run) saveLastFeed() {
	if r.lastFeed == nil || r.node == nil {
		return
	}
	end, any := r.node.OwnEnd()
	if !any {
		return
	}
	if err := r.lastFeed.Save(end); err != nil {
		r.log.Warn("the next send opens a new feed", "error", err)
	}
}

func (r *run) closeLastFeed() {
	if r.lastFeed != nil {
		_ = r.lastFeed.Close() // only the lock ends
	}
}
