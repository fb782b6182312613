package theme

import "chat.lan/p2pchat/tui/sanitize"

// Glyphs are the marks and rules, each a cell wide. None is an emoji, because
// terminals disagree about the width of emoji.
type Glyphs struct {
	Signed, Unsigned, Refused, LateLine sanitize.SafeText // marks of messages
	Here, Late, Lost                    sanitize.SafeText // marks of peers
	Blocked                             sanitize.SafeText // a count of refused messages
	Pending                             sanitize.SafeText // a message without acknowledgement
	Focus, Selection, Prompt            sanitize.SafeText
	HRule, VRule, TeeDown, TeeUp, Tee   sanitize.SafeText
	Full, Empty                         sanitize.SafeText // cells of a bar
	Dot, Up, Down                       sanitize.SafeText
	Ellipsis                            sanitize.SafeText // stands for a cut end
}

var unicode = Glyphs{
	Signed: sanitize.Trusted("✓"), Unsigned: sanitize.Trusted("⚠"), Refused: sanitize.Trusted("✗"), LateLine: sanitize.Trusted("⟲"),
	Blocked: sanitize.Trusted("⊘"),
	Here:    sanitize.Trusted("●"), Late: sanitize.Trusted("◐"), Lost: sanitize.Trusted("○"),
	Pending: sanitize.Trusted("…"),
	Focus:   sanitize.Trusted("▍"), Selection: sanitize.Trusted("▸"), Prompt: sanitize.Trusted("›"),
	HRule: sanitize.Trusted("─"), VRule: sanitize.Trusted("│"), TeeDown: sanitize.Trusted("┬"), TeeUp: sanitize.Trusted("┴"), Tee: sanitize.Trusted("├"),
	Full: sanitize.Trusted("▓"), Empty: sanitize.Trusted("░"),
	Dot: sanitize.Trusted("·"), Up: sanitize.Trusted("↑"), Down: sanitize.Trusted("↓"),
	Ellipsis: sanitize.Trusted("…"),
}

var ascii = Glyphs{
	Signed: sanitize.Trusted("+"), Unsigned: sanitize.Trusted("!"), Refused: sanitize.Trusted("x"), LateLine: sanitize.Trusted("~"),
	Blocked: sanitize.Trusted("x"),
	Here:    sanitize.Trusted("*"), Late: sanitize.Trusted("o"), Lost: sanitize.Trusted("."),
	Pending: sanitize.Trusted("~"),
	Focus:   sanitize.Trusted("|"), Selection: sanitize.Trusted(">"), Prompt: sanitize.Trusted(">"),
	HRule: sanitize.Trusted("-"), VRule: sanitize.Trusted("|"), TeeDown: sanitize.Trusted("+"), TeeUp: sanitize.Trusted("+"), Tee: sanitize.Trusted("+"),
	Full: sanitize.Trusted("#"), Empty: sanitize.Trusted("."),
	Dot: sanitize.Trusted("-"), Up: sanitize.Trusted("^"), Down: sanitize.Trusted("v"),
	Ellipsis: sanitize.Trusted("~"),
}
