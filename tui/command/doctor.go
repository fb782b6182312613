package command

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/tui/wording"
)

// logLines is how many rows of the log /log shows.
const logLines = 10

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
