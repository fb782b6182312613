package command

import "strings"

// Command is one row of a table.
type Command struct {
	Name     string   // lower-case letters and dashes, without the slash
	Aliases  []string // other names
	Args     string   // as the help shows them: "NAME [yes|no]"; required unless they begin with "["
	Help     string   // what it does, a few words
	Says     bool     // sends a message: line mode waits for a peer to take it
	Run      func(e Env, args string)
	Complete func(e Env, args string) []string // what args may become, whole; nil: nothing is offered
}

// required reports whether the command does nothing without arguments.
func (c *Command) required() bool { return c.Args != "" && !strings.HasPrefix(c.Args, "[") }

// Usage returns how the command is typed.
func (c *Command) Usage() string { return strings.TrimSpace("/" + c.Name + " " + c.Args) }
