package command

import (
	"fmt"
	"strings"
)

// Command is one row of a table.
type Command struct {
	Name     string   // lower-case letters and dashes, without the slash
	Aliases  []string // other names
	Args     string   // as the help shows them: "NAME [yes|no]"; required unless they begin with "["
	Help     string   // what it does, a few words
	Says     bool     // sends a message: line mode waits for a peer to take it
	Run      func(e Env, args string)
	Complete func(e Env, args string) []string // what args may become, whole; nil: nothing is offered
}

// required reports whether the command does nothing without arguments.
func (c *Command) required() bool { return c.Args != "" && !strings.HasPrefix(c.Args, "[") }

// Usage returns how the command is typed.
func (c *Command) Usage() string { return strings.TrimSpace("/" + c.Name + " " + c.Args) }

// Table holds commands in the order of the help. It may be read concurrently once it is filled.
type Table struct {
	rows   []*Command
	byName map[string]*Command // names and aliases
}

// New returns a table of the commands that every mode has.
func New() *Table {
	t := &Table{byName: make(map[string]*Command)}
	t.Add(builtinCommands(t)...)
	return t
}

// Add appends rows. It panics on a name that isn't lower-case letters and dashes, or that is taken.
func (t *Table) Add(rows ...Command) {
	for _, row := range rows {
		c := &row
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if !isName(strings.ReplaceAll(name, "-", "")) || name != strings.ToLower(name) || t.byName[name] != nil {
				panic(fmt.Sprintf("command: %q can't be the name of a command, or is one already", name))
			}
			t.byName[name] = c
		}
		t.rows = append(t.rows, c)
	}
}

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

// Run does what a line asks for: sends its text, or runs its command.
func (t *Table) Run(e Env, in Input) {
	switch {
	case in.Fail != nil:
		e.Reply(*in.Fail)
	case in.Command == nil && in.Text == "":
	case in.Command == nil:
		e.fail(e.Node.Say(in.Text))
	case in.Args == "" && in.Command.required():
		e.Reply(Fail{Text: "/" + in.Command.Name + " needs more than that", Hint: "type " + in.Command.Usage()})
	default:
		in.Command.Run(e, in.Args)
	}
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
