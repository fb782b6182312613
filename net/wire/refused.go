package wire

import "chat.lan/p2pchat/crypto/identity"

// MaxRefused is how many authors a Refused frame names at most.
const MaxRefused = 900

// Refused says whose records its sender doesn't keep for some time (see the package comment).
type Refused struct {
	Room    string         `json:"room"`
	Authors []identity.Key `json:"authors"`
	Taken   bool           `json:"taken,omitempty"` // Authors are the only ones whose records are kept
	More    bool           `json:"more,omitempty"`  // another frame goes on with the list
	ForMs   int64          `json:"for_ms"`
}

func (Refused) tag() string { return "Refused" }
