package command

import (
	"fmt"
	"strings"
)

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

// Run does what a line asks for: sends its text, or runs its command.
func (t *Table) Run(e Env, in Input) {
	switch {
	case in.Fail != nil:
		e.Reply(*in.Fail)
	case in.Command == nil && in.Text == "":
	case in.Command == nil:
		e.fail(e.Node.Say(in.Text))
	case in.Args == "" && in.Command.required():
		e.Reply(Fail{Text: "something is missing after /" + in.Command.Name, Hint: "type " + in.Command.Usage()})
	default:
		in.Command.Run(e, in.Args)
	}
}
