package link

import (
	"bytes"
	"runtime"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// A link that waits holds little memory, of which a program with 128 links has 128 times as much. What a garbage collector
// leaves unused is as much again as what is used.
func TestALinkHoldsLittle(t *testing.T) {
	const links = 32
	const most = 100 << 10 // bytes for each end
	a, b := newSide(t, 1), newSide(t, 2)
	measure := func() int64 {
		for range 2 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return 2*int64(m.HeapAlloc) + int64(m.StackInuse)
	}
	var frames wire.Links
	for i := range 36 {
		frames.Links = append(frames.Links, wire.Neighbour{Key: identity.FromSeed([32]byte{byte(i), 7}).Key()})
	}
	frame := encode(t, frames)
	before := measure()
	heard := make(chan struct{}, 2*links)
	var ends []*Link
	for range links {
		ca, cb := tcpPair(t)
		la, lb := pair(t, a, b, ca, cb)
		for _, l := range []*Link{la, lb} {
			h := newRecorder(t)
			h.onMessage = func(wire.Message) { heard <- struct{}{} }
			l.Start(h, nil)
			ends = append(ends, l)
		}
	}
	for _, l := range ends {
		l.Control(frame)
	}
	for range ends {
		<-heard
	}
	// The reader delivers what needs no check, so none of these has a goroutine for it.
	stacks := make([]byte, 1<<20)
	if bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("deliverQueued")) {
		t.Error("a link that waits has a goroutine to deliver")
	}
	each := (measure() - before) / int64(len(ends))
	t.Logf("%d bytes for each end", each)
	if each > most {
		t.Errorf("%d bytes for each end of a link, want at most %d", each, most)
	}
	for _, l := range ends {
		l.fail(ErrDown)
	}
}
