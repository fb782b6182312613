package theme

import "chat.lan/p2pchat/tui/clean"

// Glyphs are the marks and rules, each one cell wide unless it says otherwise. None is an emoji:
// their widths differ between terminals.
type Glyphs struct {
	Signed, Unsigned, Refused, LateLine clean.SafeText // marks of lines
	Here, Late, Lost                    clean.SafeText // marks of peers
	Blocked                             clean.SafeText // what was not let in, counted
	Pending                             clean.SafeText // a line nobody acknowledged yet
	Focus, Selection, Prompt            clean.SafeText
	HRule, VRule, TeeDown, TeeUp, Tee   clean.SafeText
	Full, Empty                         clean.SafeText // of a bar
	Dot, Up, Down                       clean.SafeText
	Ellipsis                            clean.SafeText // stands for what was cut; one cell in both sets
}

var unicode = Glyphs{
	Signed: clean.Trusted("✓"), Unsigned: clean.Trusted("⚠"), Refused: clean.Trusted("✗"), LateLine: clean.Trusted("⟲"),
	Blocked: clean.Trusted("⊘"),
	Here:    clean.Trusted("●"), Late: clean.Trusted("◐"), Lost: clean.Trusted("○"),
	Pending: clean.Trusted("…"),
	Focus:   clean.Trusted("▍"), Selection: clean.Trusted("▸"), Prompt: clean.Trusted("›"),
	HRule: clean.Trusted("─"), VRule: clean.Trusted("│"), TeeDown: clean.Trusted("┬"), TeeUp: clean.Trusted("┴"), Tee: clean.Trusted("├"),
	Full: clean.Trusted("▓"), Empty: clean.Trusted("░"),
	Dot: clean.Trusted("·"), Up: clean.Trusted("↑"), Down: clean.Trusted("↓"),
	Ellipsis: clean.Trusted("…"),
}

var ascii = Glyphs{
	Signed: clean.Trusted("+"), Unsigned: clean.Trusted("!"), Refused: clean.Trusted("x"), LateLine: clean.Trusted("~"),
	Blocked: clean.Trusted("x"),
	Here:    clean.Trusted("*"), Late: clean.Trusted("o"), Lost: clean.Trusted("."),
	Pending: clean.Trusted("~"),
	Focus:   clean.Trusted("|"), Selection: clean.Trusted(">"), Prompt: clean.Trusted(">"),
	HRule: clean.Trusted("-"), VRule: clean.Trusted("|"), TeeDown: clean.Trusted("+"), TeeUp: clean.Trusted("+"), Tee: clean.Trusted("+"),
	Full: clean.Trusted("#"), Empty: clean.Trusted("."),
	Dot: clean.Trusted("-"), Up: clean.Trusted("^"), Down: clean.Trusted("v"),
	Ellipsis: clean.Trusted("~"),
}
