package command

import (
	"fmt"
	"slices"
	"strings"
)

// All returns the table's commands in the order of the help. The slice is the caller's; the commands
// must not be changed.
func (t *Table) All() []*Command { return slices.Clone(t.rows) }

// Help returns the list of all commands, aligned, one in a row.
func (t *Table) Help() string {
	width := 0
	for _, c := range t.rows {
		width = max(width, len(c.Usage()))
	}
	var b strings.Builder
	for _, c := range t.rows {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, c.Usage(), c.help())
	}
	b.WriteString("Anything that is not a command is said to all. // begins a text with a slash.")
	return b.String()
}

// help returns what the command does, and its other names.
func (c *Command) help() string {
	if len(c.Aliases) == 0 {
		return c.Help
	}
	return c.Help + " (also /" + strings.Join(c.Aliases, ", /") + ")"
}

// Markdown returns the list of all commands as the table that the README shows.
func (t *Table) Markdown() string {
	var b strings.Builder
	b.WriteString("| type | to |\n|---|---|\n")
	for _, c := range t.rows {
		fmt.Fprintf(&b, "| `%s` | %s |\n", pipes(c.Usage()), pipes(c.help()))
	}
	return b.String()
}

// pipes escapes what would end a cell, also inside backquotes.
func pipes(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// help answers /help.
func (t *Table) help(e Env, args string) {
	if args == "" {
		e.Reply(Info{t.Help()})
		return
	}
	name, _ := cutWord(strings.ToLower(strings.TrimPrefix(args, "/")))
	c := t.byName[name]
	if c == nil {
		e.Reply(FailFrom(&unknownError{Name: name, Nearest: t.nearest(name)}))
		return
	}
	e.Reply(Info{c.Usage() + "\n  " + c.help()})
}
