package wire

import "slices"

// Capabilities that a Hello names. A new form of a frame goes only to a peer that names its capability.
const (
	CapFeeds = "feeds2" // Outline and Sums, parts of a Frontier, and the sums' hash in a Ping
)

// Caps returns the capabilities of this version.
func Caps() []string { return []string{CapFeeds} }

// Can reports whether the sender of a Hello has a capability.
func (h *Hello) Can(capability string) bool { return slices.Contains(h.Caps, capability) }
