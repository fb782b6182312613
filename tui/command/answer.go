package command

import "chat.lan/p2pchat/net/event"

// Answer is one of this package's structs that say what came of a command.
type Answer interface{ answer() }

// List answers /list: the peers that are here, late or lost.
type List struct{ Peers []event.Peer }

// Status answers /status.
type Status struct{ Status event.Status }

// Info is text for the person, one or more rows.
type Info struct{ Text string }

// Fail says why nothing was done, and what to do instead.
type Fail struct{ Text, Hint string }

// Quit asks the mode to end the program once all messages are delivered.
type Quit struct{}

func (List) answer()      {}
func (Status) answer()    {}
func (Proposals) answer() {}
func (Info) answer()      {}
func (Fail) answer()      {}
func (Save) answer()      {}
func (Quit) answer()      {}
