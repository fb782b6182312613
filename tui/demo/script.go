package demo

// step is one thing that somebody types in the tour.
type step struct {
	who     int    // of the cast; -1 is the last of it
	caption string // what there is to see
	text    string // typed and sent
	silent  bool   // a command that others hear nothing of
}

// What the tour says before and after.
const (
	opening = "Nobody set anything up: they found each other by themselves"
	closing = "Now you: type a line in any of them"
)

// script is a conversation that shows what one needs to know first. Lines are short: three screens
// in 80×24 have 40 columns each.
var script = []step{
	{0, "Alice writes a line and presses Enter", "Hello! Is anybody here?", false},
	{1, "Everybody has it at once, signed and encrypted", "Yes! No server, no account.", false},
	{-1, "/me says what one does", "/me waves", false},
	{0, "/list shows who is here", "/list", true},
	{1, "/verify compares the words of a key", "/verify Alice", true},
	{-1, "/help shows all commands, /quit leaves", "See you on the local network!", false},
}

// player is who plays the step among n.
func (s step) player(n int) int {
	if s.who < 0 {
		return n - 1
	}
	return s.who
}

// heard is what of the text the others show: the beginning, since the rest may be on another row.
func (s step) heard() string {
	text := s.text
	if len(text) > 4 && text[:4] == "/me " {
		text = text[4:]
	}
	return text[:min(len(text), 12)]
}
