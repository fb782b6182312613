package memnet

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// pipe is one direction of a stream. Its bytes pass three places: unsent at the writer, flight on the wire,
// unread at the reader. The network's lock guards it.
type pipe struct {
	path     path
	from, to *conn

	unsent bytes.Buffer
	flight []segment // in the order sent, which is the order of arrival
	unread bytes.Buffer
	size   int // bytes in the three places

	ending bool // the writer has finished: the end follows unsent
	ended  bool // the end is on the wire
	eof    bool // the end has arrived

	booked bool // an event will send the next bytes, once the lines are free
	armed  bool // an event will deliver from flight

	writing  bool      // one Write at a time, so that their bytes don't mix
	readable sync.Cond // bytes arrived, or the reader's end changed
	writable sync.Cond // there is room, a Write returned, or the writer's end changed
}

// segment is data, or an end, or a reset.
type segment struct {
	due      time.Time
	data     []byte
	fin, rst bool
}

// newPipe joins the ends of one direction.
func newPipe(from, to *conn, way path) {
	p := &pipe{path: way, from: from, to: to}
	p.readable.L, p.writable.L = &from.net.mu, &from.net.mu
	from.out, to.in = p, p
}

// pump puts unsent bytes on the wire while the route is open and the lines have room.
func (p *pipe) pump() {
	for !p.booked && p.path.passesSegments() {
		if p.unsent.Len() == 0 {
			if p.ending && !p.ended {
				p.ended = true
				p.put(segment{fin: true})
			}
			return
		}
		up, down := &p.path.from.up, &p.path.to.down
		if p.path.from == p.path.to || up.rate <= 0 && down.rate <= 0 {
			p.transmit(p.unsent.Len())
			continue
		}
		now := time.Now()
		size := min(p.unsent.Len(), up.quantum(), down.quantum())
		through := up.book(size, now)
		if t := down.book(size, now); t.After(through) {
			through = t
		}
		p.booked = true
		p.from.net.scheduler.at(through, func() {
			p.booked = false
			if p.path.passesSegments() { // else these bytes wait for resume
				p.transmit(min(size, p.unsent.Len()))
			}
			p.pump()
		})
	}
}

// transmit moves the first size bytes of unsent to the wire.
func (p *pipe) transmit(size int) {
	if size == 0 {
		return // a reset emptied unsent while the line was booked
	}
	t := &p.from.net.traffic
	t.Segments++
	t.Bytes += uint64(size)
	p.put(segment{data: slices.Clone(p.unsent.Next(size))})
}

// put sends the segment with a delay. Without a delay it arrives at once.
func (p *pipe) put(s segment) {
	now := time.Now()
	s.due = now.Add(p.path.delay())
	p.flight = append(p.flight, s)
	if len(p.flight) == 1 && !s.due.After(now) {
		p.arrive()
		return
	}
	p.arm()
}

func (p *pipe) arm() {
	if p.armed || len(p.flight) == 0 {
		return
	}
	p.armed = true
	p.from.net.scheduler.at(p.flight[0].due, func() {
		p.armed = false
		p.arrive()
	})
}

// arrive delivers the segments that are due. While the route is closed they wait for resume.
func (p *pipe) arrive() {
	for len(p.flight) > 0 && p.path.passesSegments() {
		s := p.flight[0]
		if s.due.After(time.Now()) {
			p.arm()
			return
		}
		p.flight[0] = segment{}
		p.flight = p.flight[1:]
		p.deliver(s)
	}
}

func (p *pipe) deliver(s segment) {
	c := p.to
	switch {
	case s.rst:
		c.onReset()
	case c.over():
		p.size -= len(s.data)
		p.writable.Broadcast()
		if len(s.data) > 0 {
			c.reset() // no one will read it, and the writer must learn that
		}
	case s.fin:
		p.eof = true
		p.readable.Broadcast()
	default:
		p.unread.Write(s.data)
		p.readable.Broadcast()
	}
}

// resume goes on after a stall: segments on the wire are sent again.
func (p *pipe) resume() {
	if !p.path.passesSegments() {
		return
	}
	if !p.armed && len(p.flight) > 0 {
		p.flight[0].due = time.Now().Add(p.path.delay())
		p.arm()
	}
	p.pump()
}

// drop discards all bytes that have not arrived.
func (p *pipe) drop() {
	p.unsent.Reset()
	p.flight = nil
	p.size = p.unread.Len()
}
