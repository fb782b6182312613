package command

import "strings"

// Input is a line that was typed, parsed once.
type Input struct {
	Command *Command // nil when the line is text, or empty
	Args    string   // the command's arguments, without white space around
	Text    string   // a message, exactly as typed but for an escaped slash; "" when there is none
	Fail    *Fail    // why a command is unknown
}

// Says reports whether the line is a message, or a command that sends one.
func (i Input) Says() bool { return i.Text != "" || i.Command != nil && i.Command.Says }

// Parse parses a line of the composer or of standard input. A line that begins with a slash and
// letters is a command; "//" stands for a slash that is meant. Everything else, "/usr/bin" and "/42"
// among it, is text. White space alone is nothing.
func (t *Table) Parse(line string) Input {
	name, args, _ := splitCommand(line)
	switch c := t.byName[strings.ToLower(name)]; {
	case strings.TrimSpace(line) == "":
		return Input{}
	case strings.HasPrefix(line, "//"):
		return Input{Text: line[1:]}
	case c != nil:
		return Input{Command: c, Args: strings.TrimSpace(args)}
	case !isName(name):
		return Input{Text: line}
	}
	unknown := t.unknown(name)
	return Input{Fail: &unknown}
}

// splitCommand splits a command line into its name and arguments. It returns false for text, which begins
// with no slash or with an escaped one.
func splitCommand(line string) (name, args string, ok bool) {
	rest, slash := strings.CutPrefix(line, "/")
	if !slash || strings.HasPrefix(rest, "/") {
		return "", "", false
	}
	name, args = cutWord(rest)
	return name, args, true
}

// isName reports whether what follows a slash looks like a command: letters only.
func isName(s string) bool {
	for _, c := range []byte(s) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return s != ""
}

// cutWord cuts s at its first white space.
func cutWord(s string) (word, rest string) {
	if i := strings.IndexAny(s, " \t\n\r"); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// cutLast cuts the last word off s if it is among words, in any case, and something is left.
func cutLast(s string, words ...string) (rest, word string) {
	i := strings.LastIndexAny(s, " \t\n\r")
	if i < 0 {
		return s, ""
	}
	for _, w := range words {
		if strings.EqualFold(s[i+1:], w) {
			return strings.TrimSpace(s[:i]), w
		}
	}
	return s, ""
}
