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

// help answers /help.
func (t *Table) help(e Env, args string) {
	if args == "" {
		e.Reply(Info{t.Help()})
		return
	}
	name, _ := cutWord(strings.ToLower(strings.TrimPrefix(args, "/")))
	c := t.byName[name]
	if c == nil {
		e.Reply(t.unknown(name))
		return
	}
	e.Reply(Info{c.Usage() + "\n  " + c.help()})
}

// unknown answers that there is no such command, and says which was probably meant.
func (t *Table) unknown(name string) Fail {
	f := Fail{Text: fmt.Sprintf("there is no command /%.40s", name),
		Hint: fmt.Sprintf("/help lists the commands; to say it as text, type //%.40s", name)}
	if nearest := t.nearest(strings.ToLower(name)); nearest != "" {
		f.Hint = fmt.Sprintf("did you mean /%s? To say it as text, type //%.40s", nearest, name)
	}
	return f
}

// nearest returns the known name that was probably meant, or "". That is one that begins with the typed
// letters, else the one with the fewest edits: at most a third of the letters, and at most three.
func (t *Table) nearest(typed string) string {
	var names []string
	for _, c := range t.rows {
		names = append(append(names, c.Name), c.Aliases...)
	}
	for _, name := range names {
		if strings.HasPrefix(name, typed) {
			return name
		}
	}
	for edits := 1; edits <= min(max(len(typed)/3, 1), 3); edits++ {
		for _, name := range names {
			if within(edits, typed, name) {
				return name
			}
		}
	}
	return ""
}

// within reports whether a becomes b by at most that many edits. An edit inserts, drops or replaces a
// letter, or swaps two neighbours that no other edit touches.
func within(edits int, a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	switch {
	case a == "" || b == "":
		return len(a)+len(b) <= edits
	case edits == 0:
		return false
	}
	edits--
	return within(edits, a[1:], b[1:]) || within(edits, a[1:], b) || within(edits, a, b[1:]) ||
		len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] && within(edits, a[2:], b[2:])
}
