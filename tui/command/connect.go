package command

import "strings"

// connectCommands returns the commands that open and close links.
func connectCommands() []Command {
	return []Command{
		{Name: "connect", Args: "HOST[:PORT]", Help: "connect to a peer (line://, json://: in clear)", Run: connect},
		{Name: "disconnect", Args: "NAME", Help: "end the link to NAME (or HOST:PORT) until /connect",
			Run: disconnect, Complete: completePeer()},
	}
}

func connect(e Env, args string) {
	addr, err := ParseAddress(args)
	if e.fail(err) || e.fail(e.Node.Connect(addr)) {
		return
	}
	e.Reply(Info{"Connecting to " + addr})
}

func disconnect(e Env, args string) {
	// A peer that can't be reached is in no list, so its address says which attempts to stop.
	if addr, err := ParseAddress(args); err == nil && strings.ContainsAny(args, ".:") && e.Node.Disconnect(addr) == nil {
		e.Reply(Info{"Not connecting to " + addr + " any more"})
		return
	}
	p, ok := e.find(args, "/disconnect %s")
	if !ok || e.fail(e.Node.Disconnect(p.ID)) {
		return
	}
	e.Reply(Info{"Disconnected from " + e.Label(p)})
}
