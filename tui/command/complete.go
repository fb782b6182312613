package command

import (
	"slices"
	"strings"

	"chat.lan/p2pchat/tui/roster"
)

// Completion is a way to continue a line.
type Completion struct {
	Line string // the whole line once it is chosen
	Show string // what the list shows: a usage or a name
	Help string // or ""
}

// Complete offers ways to continue line, at whose end the cursor stands: names of commands after a slash,
// then their arguments. Messages have none. Peers' names in the result are sanitized.
func (t *Table) Complete(e Env, line string) (offers []Completion) {
	name, args, slash := splitCommand(line)
	if !slash {
		return nil
	}
	if len("/")+len(name) == len(line) {
		for _, c := range t.named(name) {
			done := "/" + c.Name
			if c.Args != "" {
				done += " "
			}
			offers = append(offers, Completion{Line: done, Show: c.Usage(), Help: c.Help})
		}
		return offers
	}
	c := t.byName[strings.ToLower(name)]
	if c == nil || c.Complete == nil {
		return nil
	}
	for _, arg := range c.Complete(e, strings.TrimLeft(args, " ")) {
		offers = append(offers, Completion{Line: "/" + c.Name + " " + arg, Show: arg})
	}
	return offers
}

// named returns the commands whose name begins with prefix, in any case. If there is none, it returns
// those with an alias that does.
func (t *Table) named(prefix string) []*Command {
	prefix = strings.ToLower(prefix)
	var names, aliases []*Command
	for _, c := range t.rows {
		if strings.HasPrefix(c.Name, prefix) {
			names = append(names, c)
		} else if slices.ContainsFunc(c.Aliases, func(a string) bool { return strings.HasPrefix(a, prefix) }) {
			aliases = append(aliases, c)
		}
	}
	if len(names) > 0 {
		return names
	}
	return aliases
}

// completeName offers the names of commands.
func (t *Table) completeName(_ Env, args string) (names []string) {
	for _, c := range t.named(strings.TrimPrefix(args, "/")) {
		names = append(names, c.Name)
	}
	return names
}

// completePeer offers the names of peers and, after a whole name, words.
func completePeer(words ...string) func(Env, string) []string {
	return func(e Env, args string) []string {
		self := e.Node.Self()
		own := e.Roster.Label(roster.ID(self.Key, self.ID)).String()
		labels := slices.DeleteFunc(e.Roster.Complete(args), func(label string) bool { return label == own })
		i := strings.LastIndexByte(args, ' ')
		if i <= 0 || len(e.Roster.Find(args[:i])) == 0 {
			return labels
		}
		return append(labels, extend(args[:i+1], args[i+1:], words...)...)
	}
}

// completeRef offers the proposals' labels and, after one, words.
func completeRef(words ...string) func(Env, string) []string {
	return func(e Env, args string) (offers []string) {
		ref, rest := cutWord(args)
		if len(ref) < len(args) {
			return extend(ref+" ", strings.TrimLeft(rest, " "), words...)
		}
		for _, p := range e.Node.Proposals() {
			if strings.HasPrefix(strings.TrimPrefix(p.Label, "#"), strings.TrimPrefix(ref, "#")) {
				offers = append(offers, p.Label)
			}
		}
		return offers
	}
}

// completeProposal offers what a vote can be about.
func completeProposal(_ Env, args string) []string {
	return extend("", args, "secure-only on", "secure-only off", "topic ")
}

// extend returns those of the words that begin with typed, in any case, each after before.
func extend(before, typed string, words ...string) (lines []string) {
	for _, w := range words {
		if strings.HasPrefix(w, strings.ToLower(typed)) {
			lines = append(lines, before+w)
		}
	}
	return lines
}
