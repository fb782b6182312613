// Command p2pchat is a terminal chat for people on the same network: no server, no account.
//
// The command line is package tui/cli, a running participant net/node, the screen tui.
package main

import (
	"os"

	"chat.lan/p2pchat/tui/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
