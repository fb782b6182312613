package command

// sayCommands returns the commands that send messages or change our name.
func sayCommands() []Command {
	return []Command{
		{Name: "msg", Args: "TEXT", Help: "say TEXT, as typing it alone does", Says: true,
			Run: func(e Env, args string) { e.fail(e.Node.Say(args)) }},
		{Name: "me", Args: "TEXT", Help: "say what you do: * alice waves", Says: true,
			Run: func(e Env, args string) { e.fail(e.Node.Me(args)) }},
		{Name: "nick", Args: "NAME", Help: "change your name",
			Run: func(e Env, args string) {
				if !e.fail(e.Node.Nick(args)) {
					e.Reply(Info{"You are now called " + args})
				}
			}},
	}
}
