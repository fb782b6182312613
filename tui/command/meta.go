package command

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/tui/wording"
)

// logLines is how many rows of the log /log shows.
const logLines = 10

// metaCommands returns the commands about the program itself. Help lists t.
func metaCommands(t *Table) []Command {
	return []Command{
		{Name: "status", Help: "connections and statistics",
			Run: func(e Env, _ string) { e.Reply(Status{e.Node.Status()}) }},
		{Name: "doctor", Help: "why you see no one: interfaces, obstacles, firewalls", Run: doctor},
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

// doctor answers with all that is known about finding other peers.
func doctor(e Env, _ string) {
	s := e.Node.Status()
	var b strings.Builder
	row := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	row("%d peers are here, %d of them in clear. You listen on TCP %d.", s.Peers+s.Plain, s.Plain, s.Self.Port)
	if !s.Discovery {
		row("Discovery is off (--no-discovery). Use /connect HOST.")
	}
	for _, i := range s.Network.Interfaces {
		at := i.Name
		if i.Addr.IsValid() {
			at += " " + i.Addr.String()
		}
		row("%s: %s", at, wording.InterfaceSummary(i))
	}
	for _, t := range s.Network.Found {
		row("In the way: %s", t.Text)
		row("  try: %s", t.Hint)
	}
	if s.Discovery && len(s.Network.Found) == 0 {
		row("Nothing seems to be in the way.")
	}
	row("A firewall, here or there, has to let in")
	for _, f := range s.Network.Firewall {
		row("  %s: %s", f.Text, f.Hint)
	}
	b.WriteString("Where a network keeps its machines apart (guest Wi-Fi), only another network helps.")
	e.Reply(Info{b.String()})
}
