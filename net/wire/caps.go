package wire

import "slices"

// Capabilities that a Hello names. A new form of a frame goes only to a peer that names its capability.
const (
	CapLinks   = "links2"  // Links with add and drop
	CapPing    = "ping2"   // Pings that leave out what hasn't changed
	CapHeads   = "heads"   // Heads
	CapStubs   = "stubs"   // Records with stubs
	CapRefusal = "refusal" // Refused
	CapFeeds   = "feeds2"  // Outline and Sums, parts of a Frontier, and the sums' hash in a Ping
)

// Caps returns the capabilities of this version.
func Caps() []string {
	return []string{CapLinks, CapPing, CapHeads, CapStubs, CapRefusal, CapFeeds}
}

// Can reports whether the sender of a Hello has a capability.
func (h *Hello) Can(capability string) bool { return slices.Contains(h.Caps, capability) }
