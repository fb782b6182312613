package command

import (
	"strings"
)

// logLines is how much of the log /log shows.
const logLines = 10

// program is the program itself. Help lists t.
func program(t *Table) []Command {
	return []Command{
		{Name: "status", Help: "where you are, how you are connected, what was counted",
			Run: func(e Env, _ string) { e.Reply(Status{e.Node.Status()}) }},
		{Name: "log", Help: "where the log is, and its end", Run: log},
		{Name: "help", Args: "[COMMAND]", Help: "this list, or one command",
			Run: func(e Env, args string) { t.help(e, args) },
			Complete: func(_ Env, args string) []string {
				var out []string
				for _, c := range t.named(strings.TrimPrefix(args, "/")) {
					out = append(out, c.Name)
				}
				return out
			}},
		{Name: "quit", Aliases: []string{"exit"}, Help: "say goodbye and end, once what you said has arrived",
			Run: func(e Env, _ string) { e.Reply(Quit{}) }},
	}
}

func log(e Env, _ string) {
	if e.Log == nil {
		e.Reply(Fail{Text: "there is no log", Hint: "start with --log FILE to have one"})
		return
	}
	lines, err := e.Log.Tail(logLines)
	switch {
	case err != nil:
		e.Reply(Fail{Text: "the log can't be read: " + err.Error()})
	case len(lines) == 0:
		e.Reply(Info{"The log is empty: " + e.Log.Path()})
	default:
		e.Reply(Info{"The end of " + e.Log.Path() + "\n" + strings.Join(lines, "\n")})
	}
}
