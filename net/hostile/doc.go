// Package hostile is a native peer whose every byte a test decides. Only tests import it: they attack a node in
// memory (package memnet) or the built program over TCP with it.
//
//	eve, err := hostile.Dial(ctx, host, "10.0.0.1:8080", hostile.Config{Identity: hostile.Key(1, 0), Group: g})
//	eve.Send(wire.Typing{…})               // any message
//	eve.SendPayload([]byte(`{"X":1}`))     // any frame
//	eve.Write([]byte{0xff, 0xff})          // any bytes
//	eve.SendAll(hostile.InventedPeers(…))  // a flood
//
// A peer does little by itself. It answers Pings, so that it stays linked, and it treats questions as its Conduct
// says: truthfully from a Library, falsely, without end, or not at all. Each part can be taken from it.
//
// An Author signs records: valid ones, forged ones, two for one place, and with any time, kind or feed. A flood is a
// sequence of messages for SendAll, of any length. A Crowd is many keys at few addresses. All chance follows from a
// seed.
//
// The package shares no code with package link, and knows the protocol from the comment of package wire only. So an
// error there can't hide here. Its goroutines belong to Config.Group and wait as synctest wants it.
package hostile
