package node

import (
	"context"
	"crypto/ed25519"
	"slices"
	"sync"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// observer is a bare link to one person. It records what it is sent, and says only what a test has it say.
type observer struct {
	*link.Link
	key  identity.Key
	down chan struct{}

	mu  sync.Mutex
	got []wire.Message
}

// observe links a new key to a person, from a host of its own, as a program with such capabilities.
func (w *town) observe(host int, to *person, caps []string) *observer {
	w.t.Helper()
	id := identity.FromSeed([ed25519.SeedSize]byte{200, byte(host)})
	certificate, err := id.Certificate()
	if err != nil {
		w.t.Fatal(err)
	}
	g := w.root.Child()
	o := &observer{key: id.Key(), down: make(chan struct{})}
	conn, err := w.net.Host(addr(host)).DialContext(context.Background(), "tcp", to.at.String()+":8080")
	if err != nil {
		w.t.Fatal(err)
	}
	o.Link, err = link.Client(context.Background(), conn, link.Config{
		Identity: id, Certificate: certificate, Group: g, Pool: verify.Start(g, 1),
		Hello: func() wire.Hello {
			return wire.Hello{Versions: []int{link.Version}, Name: "observer", Started: 1, Inst: "0", Caps: caps, Port: 8080, Agent: "test",
				Rooms: []wire.InRoom{{Room: to.Replica.ID(), Frontier: to.Replica.Announce().Frontier}}}
		},
	}, to.Self().Key)
	if err != nil {
		w.t.Fatal(err)
	}
	o.Start(o, func() map[string]string { return map[string]string{to.Replica.ID(): to.Replica.Announce().Frontier} })
	return o
}

// say sends the person a message.
func (o *observer) say(t *testing.T, m wire.Message) {
	t.Helper()
	f, err := wire.Encode(m)
	if err != nil || !o.Control(f) {
		t.Fatal("can't send", err)
	}
}

// leave ends the link and waits for that.
func (o *observer) leave() {
	o.Bye(wire.ByeLeaving)
	<-o.down
}

// take returns the messages of one kind since the last call, and forgets them.
func take[M wire.Message](o *observer) (out []M) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = slices.DeleteFunc(o.got, func(m wire.Message) bool {
		x, ok := m.(M)
		if ok {
			out = append(out, x)
		}
		return ok
	})
	return out
}

func (o *observer) Message(_ *link.Link, m wire.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, m)
}

func (o *observer) Record(_ *link.Link, r *record.Record) {
	o.Message(nil, wire.Record{Body: r.Signed(), Sig: r.Signature()})
}

func (o *observer) Records(_ *link.Link, m wire.Records, rs []*record.Record) {
	for _, r := range rs {
		m.Records = append(m.Records, wire.Record{Body: r.Signed(), Sig: r.Signature()})
	}
	o.Message(nil, m)
}

func (o *observer) Frontier(*link.Link, map[string]string) {}
func (o *observer) Refused(*link.Link, string)             {}
func (o *observer) Drained(*link.Link)                     {}
func (o *observer) State(*link.Link, bool)                 {}
func (o *observer) Down(*link.Link, error)                 { close(o.down) }
