package plain

import "time"

// The limits of DESIGN.md §5 and §10, and those that follow from them.
const (
	maxSilent     = 256 // connections that have said nothing yet, in all
	maxSilentEach = 32  // and of one address, loopback excepted
	maxTalking    = 256 // connections of guests and JSON programs, in all
	maxTalkEach   = 64  // and of one address, loopback excepted
	maxPeers      = 128 // JSON peers in all
	maxPeersEach  = 16  // and at one address, loopback excepted: a beacon must not make us dial a thousand ports
	maxSightings  = 128 // beacons that wait; they come again
	maxTold       = 256 // addresses whose Info is remembered

	maxName   = 64      // bytes
	maxID     = 64      // bytes of a uuid that need not be one
	maxText   = 8 << 10 // bytes of a line; longer ones are several
	maxLine   = 4 << 10 // bytes of a line from a guest; longer ones come in pieces
	maxObject = 1024    // bytes of an object to a seed program, which reads once into as many
	maxBad    = 64      // objects of a connection that are none; then it is closed

	maxQueue      = 2048    // objects that wait for one JSON peer: 1 MiB said at once fits
	maxGuestQueue = 1 << 20 // bytes that wait for one guest; they are shared between guests

	silentAfter  = 3 * time.Second        // a connection that says nothing becomes a guest
	objectWithin = 30 * time.Second       // for the rest of an object that has begun
	deliverFor   = 5 * time.Second        // one object to one JSON peer, dial included
	closesWithin = 25 * time.Millisecond  // for a program that reads once to close
	closeWithin  = 500 * time.Millisecond // for the other side's end, after ours
	writeWithin  = 10 * time.Second       // a guest that reads nothing for so long is dropped
	holdFor      = 15 * time.Second       // a line for a peer that has sent one beacon only
	answerWithin = 2 * time.Second        // for a Discovery in return for ours

	lateAfter      = 30 * time.Second // without beacon, heartbeat or TCP
	lostAfter      = 60 * time.Second
	watchEvery     = time.Second
	asleepAfter    = 10 * time.Second // a watch this late means that this machine slept
	squatFor       = 15 * time.Second // an address keeps its id for so long against another's claim
	introduceEvery = 20 * time.Second // to a peer that the user named, and at most to any other
	redialFirst    = time.Second      // doubled each time
	redialMost     = time.Minute
)
