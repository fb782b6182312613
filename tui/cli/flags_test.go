package cli

import (
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/mesh"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/store"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"
)

// Every flag sets its part of a node's configuration, and nothing else.
func TestNodeConfig(t *testing.T) {
	lo, err := iface.Loopback()
	if err != nil {
		t.Skip(err)
	}
	for line, change := range map[string]func(*node.Config){
		"":                       func(*node.Config) {},
		"--no-mdns":              func(c *node.Config) { c.NoMDNS = true },
		"--no-discovery":         func(c *node.Config) { c.NoDiscovery = true },
		"--discovery-port 9999":  func(*node.Config) {},
		"--discovery-port 7":     func(c *node.Config) { c.DiscoveryPort, c.NoMDNS = 7, true },
		"--interface lo":         func(c *node.Config) { c.Interfaces, c.NoMDNS = []string{lo}, true },
		"--plain-peers off":      func(c *node.Config) { c.PlainPeers = plain.ScopeOff },
		"--plain-peers loopback": func(c *node.Config) { c.PlainPeers = plain.ScopeLoopback },
		"--share-history none":   func(c *node.Config) { c.Share = replica.ShareNone },
		"--share-history all":    func(c *node.Config) { c.Share = replica.ShareAll },
		"--share-history 2d":     func(c *node.Config) { c.Share = 48 * time.Hour },
		"--keep 2w":              func(c *node.Config) { c.Keep = 14 * 24 * time.Hour },
		"--max-links 4":          func(c *node.Config) { c.MaxLinks = 4 },
		"--room-size 2G":         func(c *node.Config) { c.RoomSize = 2 << 30 },
		"--room-size 64mib":      func(c *node.Config) { c.RoomSize = 64 << 20 },
		"--ephemeral":            func(c *node.Config) { c.RoomSize = store.MemCapacity },
		"--keep 90m":             func(c *node.Config) { c.Keep = 90 * time.Minute },
		"--room=kitchen":         func(c *node.Config) { c.Room = "kitchen" },
		"--ask":                  func(c *node.Config) { c.Bare = true },
		"--port 09":              func(c *node.Config) { c.Listen, c.NextPort = ":9", false },
		"9 h:1 --connect line://i:2": func(c *node.Config) {
			c.Listen, c.NextPort, c.Connect = ":9", false, []string{"line://i:2", "h:1"}
		},
		"--listen [::1]:9": func(c *node.Config) { c.Listen, c.NextPort = "[::1]:9", false },
	} {
		want := node.Config{Room: "lobby", Listen: ":8080", NextPort: true, DiscoveryPort: 9999, PlainPeers: plain.ScopeLAN, MaxLinks: mesh.MaxLinks, History: node.History{Share: 12 * time.Hour, RoomSize: 512 << 20}}
		change(&want)
		var f flags
		cmd := &cobra.Command{}
		f.addTo(cmd)
		if err := cmd.ParseFlags(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		got, err := f.nodeConfig(cmd.Flags(), cmd.Flags().Args())
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(node.Config{}, "Agent"), cmpopts.IgnoreUnexported(node.Config{}), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q:\n%s", line, d)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 7, 21, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"12h":                  now.Add(-12 * time.Hour),
		"30d":                  now.AddDate(0, 0, -30),
		"2w":                   now.AddDate(0, 0, -14),
		"2026-07-01":           time.Date(2026, 7, 1, 0, 0, 0, 0, time.Local),
		"2026-07-01 08:30":     time.Date(2026, 7, 1, 8, 30, 0, 0, time.Local),
		"2026-07-01T08:30:00Z": time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-1h", "1y", "2026-13-01", "now", "99999999d"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
