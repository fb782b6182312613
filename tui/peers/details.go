package peers

import (
	"fmt"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// DetailRows shows all that is known about the selected peer, in rows of at most width cells. It
// returns nil if no peer is selected.
func (p *Pane) DetailRows(width int) []string {
	peer, ok := p.Selected()
	if !ok {
		return nil
	}
	t := p.cfg.Theme
	var rows []string
	row := func(name, value string) {
		if value == "" {
			return
		}
		r := t.Row(width).Space(t.Text, 1).Put(t.Dim, sanitize.Line(name))
		rows = append(rows, r.Wrap(14, max(width-15, 8), t.Text, sanitize.Line(value))...)
	}
	label := p.label(peer, max(width-1, 1))
	r := t.Row(width).Space(t.Text, 1).Put(p.nameStyle(peer), label)
	switch {
	case !peer.Encrypted():
		r.Put(t.Warn, sanitize.Trusted("  not encrypted, not signed"))
	case peer.Verified:
		r.Space(t.Text, 2).Put(t.Good, t.Signed).Put(t.Good, sanitize.Trusted(" verified"))
	default:
		r.Put(t.Dim, sanitize.Trusted("  encrypted, not verified yet"))
	}
	rows = append(rows, r.String())

	where := "unknown"
	if peer.Addr.IsValid() {
		where = peer.Addr.String()
	}
	row("address", where)
	if !peer.Key.IsZero() {
		row("words", peer.Key.Fingerprint())
		row("key", peer.Key.String())
	}
	row("standing", wording.Standing(peer.Standing))
	if peer.HeldBack {
		row("messages", wording.GetsUnsigned+": it has the name of a person you verified, and no key")
	}
	row("state", formatState(peer, p.cfg.Now()))
	row("traffic", fmt.Sprintf("%s in, %s out", formatBytes(peer.In), formatBytes(peer.Out)))
	if peer.RTT > 0 {
		row("round trip", strings.TrimLeft(formatRTT(peer.RTT), " "))
	}
	row("program", peer.Agent)
	return rows
}

// formatState writes a peer's state and for how long it has lasted.
func formatState(peer event.Peer, now time.Time) string {
	since := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return " for " + formatDuration(now.Sub(at))
	}
	switch peer.State {
	case event.Up:
		return "here" + since(peer.Since)
	case event.Late:
		return "late: nothing heard" + since(peer.Changed)
	case event.Relayed:
		return wording.RelayedMeans
	case event.Left:
		return "left, gone" + since(peer.Changed)
	}
	return "lost" + since(peer.Changed)
}

// formatDuration writes a duration in at most two units.
func formatDuration(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// formatBytes writes an amount of data.
func formatBytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
