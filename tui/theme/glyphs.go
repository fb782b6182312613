package theme

import "chat.lan/p2pchat/tui/sanitize"

// Glyphs are the marks and rules, each one cell wide unless it says otherwise. None is an emoji:
// their widths differ between terminals.
type Glyphs struct {
	Signed, Unsigned, Refused, LateLine sanitize.SafeText // marks of lines
	Here, Late, Lost                    sanitize.SafeText // marks of peers
	Blocked                             sanitize.SafeText // what was not let in, counted
	Pending                             sanitize.SafeText // a line nobody acknowledged yet
	Focus, Selection, Prompt            sanitize.SafeText
	HRule, VRule, TeeDown, TeeUp, Tee   sanitize.SafeText
	Full, Empty                         sanitize.SafeText // of a bar
	Dot, Up, Down                       sanitize.SafeText
	Ellipsis                            sanitize.SafeText // stands for what was cut; one cell in both sets
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
