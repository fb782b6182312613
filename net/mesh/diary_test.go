package mesh

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// diary is a Handler that records its calls, and checks what Handler promises.
type diary struct {
	t testing.TB

	mu      sync.Mutex
	changed chan struct{}
	links   map[identity.Key]*link.Link // the one that is up
	over    map[*link.Link]bool         // Down was called
	begun   map[*link.Link]bool
	open    int // links that are up or send something, and are not down
	events  map[identity.Key][]string
	trouble []error
	sent    map[identity.Key][]uint64
	got     map[identity.Key][]uint64
	next    uint64
	padding string // makes messages longer
}

func newDiary(t testing.TB) *diary {
	return &diary{
		t: t, changed: make(chan struct{}), links: map[identity.Key]*link.Link{}, over: map[*link.Link]bool{},
		begun: map[*link.Link]bool{}, events: map[identity.Key][]string{},
		sent: map[identity.Key][]uint64{}, got: map[identity.Key][]uint64{},
	}
}

// lock begins an entry; the returned function ends it and wakes await.
func (d *diary) lock() func() {
	d.mu.Lock()
	return func() {
		close(d.changed)
		d.changed = make(chan struct{})
		d.mu.Unlock()
	}
}

// await returns when ready reports true. It calls ready with its lock held.
func (d *diary) await(ready func() bool) {
	for {
		d.mu.Lock()
		if ready() {
			d.mu.Unlock()
			return
		}
		changed := d.changed
		d.mu.Unlock()
		<-changed
	}
}

// news returns a channel that is closed at the next entry.
func (d *diary) news() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// settled waits for a state of two members. It reports whether the state came within 10 s.
func settled(a, b *member, ready func() bool) bool {
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	for {
		atA, atB := a.news(), b.news()
		if ready() {
			return true
		}
		select {
		case <-atA:
		case <-atB:
		case <-timeout.C:
			return false
		}
	}
}

func (d *diary) begin(l *link.Link) {
	if d.over[l] {
		d.t.Error("a call after Down")
	}
	if !d.begun[l] {
		d.begun[l] = true
		d.open++
	}
}

func (d *diary) Up(l *link.Link) {
	defer d.lock()()
	if d.begun[l] {
		d.t.Error("Up is not the first call of a link")
	}
	d.begin(l)
	how := "up"
	if d.links[l.Key()] != nil {
		how = "replaced"
	}
	d.links[l.Key()] = l
	d.events[l.Key()] = append(d.events[l.Key()], how)
}

func (d *diary) Down(l *link.Link, why error, last bool) {
	defer d.lock()()
	d.begin(l)
	d.over[l] = true
	d.open--
	if current := d.links[l.Key()] == l; current != last {
		d.t.Errorf("Down with last=%v, but it is %v that the link is the current one", last, current)
	}
	if last {
		delete(d.links, l.Key())
		d.events[l.Key()] = append(d.events[l.Key()], "down: "+cause(why))
	} else {
		d.events[l.Key()] = append(d.events[l.Key()], "old: "+cause(why))
	}
}

func cause(why error) string {
	var bye *link.ByeError
	switch {
	case why == nil:
		return "ours"
	case errors.As(why, &bye):
		return bye.Reason
	}
	return "lost"
}

func (d *diary) Message(l *link.Link, m wire.Message) {
	defer d.lock()()
	d.begin(l)
	d.got[l.Key()] = append(d.got[l.Key()], m.(wire.Have).Heads[0].Seq)
}

func (d *diary) Trouble(_ string, err error) {
	defer d.lock()()
	d.trouble = append(d.trouble, err)
}

func (d *diary) Record(*link.Link, *record.Record)                  { d.t.Error("Record") }
func (d *diary) Records(*link.Link, wire.Records, []*record.Record) { d.t.Error("Records") }
func (d *diary) Frontier(*link.Link, map[string]string)             {}
func (d *diary) Refused(_ *link.Link, reason string)                { d.t.Error("refused", reason) }
func (d *diary) Drained(*link.Link)                                 {}
func (d *diary) State(*link.Link, bool)                             {}

// send sends the next number on each link that is up.
func (d *diary) send() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	f, err := wire.Encode(wire.Have{Room: "00" + d.padding, Heads: []wire.Head{{Feed: "00", Seq: d.next}}})
	if err != nil {
		d.t.Error(err)
	}
	for key, l := range d.links {
		if l.Live(f) {
			d.sent[key] = append(d.sent[key], d.next)
		}
	}
}

// count returns how many messages to a member were taken.
func (d *diary) count(m *member) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sent[m.key()])
}

// heard returns how many messages of a member came.
func (d *diary) heard(m *member) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.got[m.key()])
}

// history returns what happened to the link with key.
func (d *diary) history(key identity.Key) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events[key])
}

// troubles returns the errors of Trouble.
func (d *diary) troubles() []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.trouble)
}

// current returns the link with key, nil if there is none.
func (d *diary) current(key identity.Key) *link.Link {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.links[key]
}

// count returns how often something happened.
func count(events []string, what string) (n int) {
	for _, e := range events {
		if e == what {
			n++
		}
	}
	return n
}
