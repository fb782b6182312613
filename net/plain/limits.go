package plain

import "time"

const (
	maxPeers       = 128 // JSON peers
	maxPeersOfAddr = 16  // and at one address, loopback excepted: a beacon must not make us dial a thousand ports
	maxSightings   = 128 // beacons that wait; they come again
	maxRemembered  = 256 // addresses whose Info was reported, and ids that were disconnected from

	maxName      = 64      // bytes
	maxID        = 64      // bytes of a uuid that need not be a real uuid
	maxText      = 8 << 10 // bytes of a message; longer ones become several
	maxLine      = 4 << 10 // bytes of a line client's line; longer ones come in chunks
	maxWholeLine = 1 << 20 // bytes of a line in all its chunks; a longer one is no line, and its sender is closed
	maxObject    = 1024    // bytes of an object to a seed program, which reads once into as many
	maxBad       = 64      // malformed objects of a connection, which is then closed

	maxQueue     = 2048    // objects that wait for one JSON peer: 1 MiB sent at once fits
	maxLineQueue = 1 << 20 // bytes that wait for one line client; line clients share them

	objectWithin = 30 * time.Second       // for the rest of an object that has begun
	deliverFor   = 5 * time.Second        // one object to one JSON peer, dial included
	closesWithin = 25 * time.Millisecond  // for a program that reads once to close
	closeWithin  = 500 * time.Millisecond // for the other side's end, after ours
	writeWithin  = 10 * time.Second       // a line client that takes nothing for so long is dropped
	holdFor      = 15 * time.Second       // a message for a peer that has sent one beacon only
	answerWithin = 2 * time.Second        // for a Discovery in return for ours

	lateAfter      = 30 * time.Second // without beacon, heartbeat or TCP
	lostAfter      = 60 * time.Second
	watchEvery     = time.Second
	asleepAfter    = 10 * time.Second // a watch this late means that this machine slept
	idKeptFor      = 15 * time.Second // an address keeps its id for so long against another's claim
	introduceEvery = 20 * time.Second // to a peer that the user named, and at most to any other
	redialFirst    = time.Second      // doubled each time
	redialMost     = time.Minute
)
