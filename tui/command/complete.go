package command

import "strings"

// Completion is a way to continue a line.
type Completion struct {
	Line string // the whole line once it is chosen
	Show string // what the list shows: a usage or a name
	Help string // or ""
}

// Complete offers ways to continue line, at whose end the cursor stands: names of commands after a slash,
// then their arguments. Messages have none. Peers' names in the result are sanitized.
func (t *Table) Complete(e Env, line string) []Completion {
	name, args, slash := splitCommand(line)
	if !slash {
		return nil
	}
	if len("/")+len(name) == len(line) {
		var out []Completion
		for _, c := range t.named(name) {
			done := "/" + c.Name
			if c.Args != "" {
				done += " "
			}
			out = append(out, Completion{Line: done, Show: c.Usage(), Help: c.Help})
		}
		return out
	}
	c := t.byName[strings.ToLower(name)]
	if c == nil || c.Complete == nil {
		return nil
	}
	var out []Completion
	for _, arg := range c.Complete(e, strings.TrimLeft(args, " ")) {
		out = append(out, Completion{Line: "/" + c.Name + " " + arg, Show: arg})
	}
	return out
}

// named returns the commands whose name begins with prefix, in any case. If there is none, it returns
// those with an alias that does.
func (t *Table) named(prefix string) []*Command {
	prefix = strings.ToLower(prefix)
	var names, aliases []*Command
	for _, c := range t.rows {
		if strings.HasPrefix(c.Name, prefix) {
			names = append(names, c)
			continue
		}
		for _, a := range c.Aliases {
			if strings.HasPrefix(a, prefix) {
				aliases = append(aliases, c)
				break
			}
		}
	}
	if len(names) > 0 {
		return names
	}
	return aliases
}
