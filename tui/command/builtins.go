package command

import "chat.lan/p2pchat/vote"

// builtinCommands returns the rows that every mode has, in the order of the help. Help lists t.
func builtinCommands(t *Table) []Command {
	return []Command{
		{Name: "msg", Args: "TEXT", Help: "say TEXT, as typing it alone does", Says: true,
			Run: func(e Env, args string) { e.fail(e.Node.Say(args)) }},
		{Name: "me", Args: "TEXT", Help: "say what you do: * alice waves", Says: true,
			Run: func(e Env, args string) { e.fail(e.Node.Me(args)) }},
		{Name: "nick", Args: "NAME", Help: "change your name", Run: nick},

		{Name: "list", Aliases: []string{"who", "peers"}, Help: "the peers in the room", Run: list},
		{Name: "verify", Args: "[NAME [yes|no]]", Help: "compare the words of NAME's key with yours; yes marks it as compared",
			Run: verify, Complete: completePeer("yes", "no")},
		{Name: "trust", Args: "[NAME [off]]", Help: "NAME goes before strangers; off undoes it; alone: the known peers",
			Run: trust, Complete: completePeer("off")},
		{Name: "ignore", Args: "[NAME [off]]", Help: "hide messages from NAME; off shows them; alone: the ignored peers",
			Run: ignore, Complete: completePeer("off")},
		{Name: "crypto", Aliases: []string{"whoami"}, Help: "your key and words, and how you are protected", Run: crypto},

		{Name: "propose", Args: "[WHAT]", Help: "vote: secure-only on|off, topic TEXT; --need M --for 3m", Says: true,
			Run: propose, Complete: completeProposal},
		{Name: "vote", Args: "#N yes|no", Help: "approve or reject a proposal (also approve, reject, 1, 0)", Says: true,
			Run: ballot, Complete: completeRef("yes", "no")},
		{Name: "y", Args: "[#N]", Help: "approve what is being asked", Says: true,
			Run: func(e Env, args string) { e.vote(args, vote.Approve) }, Complete: completeRef()},
		{Name: "n", Args: "[#N]", Help: "reject what is being asked", Says: true,
			Run: func(e Env, args string) { e.vote(args, vote.Reject) }, Complete: completeRef()},
		{Name: "proposals", Aliases: []string{"votes"}, Help: "all votes, and what is in force",
			Run: func(e Env, _ string) { e.Reply(Proposals{e.Node.Proposals(), e.Node.Policy()}) }},
		{Name: "accept", Args: "#N", Help: "apply a vote held without you or someone here",
			Run: func(e Env, args string) { e.dispute(args, false) }, Complete: completeRef()},
		{Name: "refuse", Args: "#N", Help: "don't apply a vote",
			Run: func(e Env, args string) { e.dispute(args, true) }, Complete: completeRef()},
		{Name: "cancel", Args: "#N", Help: "withdraw a proposal of yours",
			Run: func(e Env, args string) { _, err := e.Node.Cancel(args); e.fail(err) }, Complete: completeRef()},
		{Name: "proof", Args: "#N FILE", Help: "save the certificate of a vote that passed", Complete: completeRef(),
			Run: func(e Env, args string) { e.saveProof("proof", "certificate", args, e.Node.Certificate) }},
		{Name: "evidence", Args: "#N FILE", Help: "save the proof that someone voted twice", Complete: completeRef(),
			Run: func(e Env, args string) { e.saveProof("evidence", "evidence", args, e.Node.Evidence) }},
		{Name: "topic", Args: "[TEXT]", Help: "the room's topic, or propose another", Says: true, Run: topic},
		{Name: "unsigned", Args: "TEXT", Help: "send TEXT without your signature", Says: true,
			Run: func(e Env, args string) { e.fail(e.Node.Unsigned(args)) }},

		{Name: "connect", Args: "HOST[:PORT]", Help: "connect to a peer (line://, json://: in clear)", Run: connect},
		{Name: "disconnect", Args: "NAME", Help: "end the link to NAME (or HOST:PORT) until /connect",
			Run: disconnect, Complete: completePeer()},
		{Name: "export", Args: "FILE", Help: "save all messages to a new file; .txt: as text", Run: export},
		{Name: "who-has", Help: "which peers have your last message", Run: whoHas},

		{Name: "status", Help: "connections and statistics", Run: func(e Env, _ string) { e.Reply(Status{e.Node.Status()}) }},
		{Name: "doctor", Help: "why you see no one: interfaces, obstacles, firewalls", Run: doctor},
		{Name: "log", Help: "where the log is, and its end", Run: log},
		{Name: "help", Args: "[COMMAND]", Help: "this list, or one command", Run: t.help, Complete: t.completeName},
		{Name: "quit", Aliases: []string{"exit"}, Help: "say goodbye and end, once what you said has arrived",
			Run: func(e Env, _ string) { e.Reply(Quit{}) }},
	}
}

func nick(e Env, args string) {
	if !e.fail(e.Node.Nick(args)) {
		e.Reply(Info{"You are now called " + args})
	}
}
