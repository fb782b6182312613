package link

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// dictated starts a link to a peer that sends exactly the given frames, then ends. Each further part is sent once so
// many events have come.
func dictated(t *testing.T, sent []byte, more ...dictation) (events []string, why error) {
	t.Helper()
	h := newRecorder(t)
	us, them := newSide(t, 1), newSide(t, 2)
	theirs, ours := tcpPair(t)
	c := tls.Client(theirs, rawTLS(&them.Certificate, nil))
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = c.Write(append([]byte(encode(t, them.Hello())), sent...))
		for _, m := range more {
			h.await(m.after)
			_, _ = c.Write(m.sent)
		}
		_ = c.CloseWrite()
		buf := make([]byte, 4096)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
	}()
	l, err := Server(t.Context(), ours, us.Config)
	if err != nil {
		t.Fatal(err)
	}
	l.Start(h, nil)
	why = <-h.down
	<-over
	events = h.seen()
	return events[:len(events)-1], why // without the down
}

// dictation is frames that are sent once so many events have come.
type dictation struct {
	after int
	sent  []byte
}

// encodeAll returns messages as frames.
func encodeAll(t *testing.T, ms ...wire.Message) (frames []byte) {
	t.Helper()
	for _, m := range ms {
		frames = append(frames, encode(t, m)...)
	}
	return frames
}

func payload(s string) []byte {
	n := len(s)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, s...)
}

// TestMessages: each kind of message comes to the right method, all in the order of arrival. Answers and live records
// may overtake each other, so here none of the others waits when one comes.
func TestMessages(t *testing.T) {
	au := newAuthor(t, newSide(t, 3).id)
	one, two, three := au.say(t, "one"), au.say(t, "two"), au.say(t, "three")
	forged := onWire(two)
	forged.Sig = bytes.Clone(forged.Sig)
	forged.Sig[5] ^= 1
	unclean := onWire(two)
	unclean.Body = strings.Replace(unclean.Body, `{"v":1,`, `{"v":1, `, 1)

	live := encodeAll(t,
		onWire(one),
		wire.Ping{N: 1, Frontier: map[string]string{"r": "h"}},
		wire.Ping{N: 2},
		wire.Pong{N: 77},
		forged,
		unclean,
		wire.Heartbeat("uuid"),
		wire.Typing{Room: "r", On: true},
	)
	answers := encodeAll(t,
		wire.Records{Room: "r", N: 7, Records: []wire.Record{onWire(three), forged, unclean, onWire(one)}, End: true},
		wire.Records{Room: "r", N: 8, Records: []wire.Record{unclean}},
		wire.Records{Room: "r", N: 9},
		wire.Hello{Name: "another peer"},
	)
	in := encodeAll(t, onWire(two))
	in = append(in, payload(`{"Novelty":{"x":1}}`)...)
	in = append(in, payload(`{"Typing":{"room":"r","novelty":1}}`)...)
	in = append(in, encode(t, wire.Bye{Reason: wire.ByeLeaving})...)
	in = append(in, encode(t, wire.Typing{Room: "after"})...)
	in = append(in, payload("\xff")...)

	want := []string{
		"record one",
		"frontier map[r:h]",
		"refused bad signature",
		"refused malformed record",
		"message {r true}",
		"refused malformed record",
		"refused bad signature",
		"records 7 three", "records 7 one", "records 7 end=true raw=0",
		"refused malformed record",
		"records 8 end=false raw=0",
		"records 9 end=false raw=0",
		"refused second Hello",
		"record two",
		"refused unknown message",
		"message {r false}",
	}
	got, why := dictated(t, live, dictation{5, answers}, dictation{14, in})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if byeReason(why) != wire.ByeLeaving {
		t.Errorf("down with %v", why)
	}
}

// TestBadFrames end the link, with what came before delivered and the reason said.
func TestBadFrames(t *testing.T) {
	before := encode(t, wire.Typing{Room: "before"})
	for name, test := range map[string]struct {
		frame   []byte
		refused string
		want    error
	}{
		"not UTF-8":         {payload("{\"Typing\":\"\xff\"}"), RefusedUTF8, wire.ErrUTF8},
		"surrogate in UTF8": {payload("{\"Typing\":\"\xed\xa0\x80\"}"), RefusedUTF8, wire.ErrUTF8},
		"not JSON":          {payload("hello"), RefusedFrame, wire.ErrNoTag},
		"two tags":          {payload(`{"Typing":{},"Bye":{}}`), RefusedFrame, wire.ErrMismatch},
		"no tag":            {payload(`{}`), RefusedFrame, wire.ErrNoTag},
		"wrong form":        {payload(`{"Bye":7}`), RefusedFrame, wire.ErrMismatch},
		"deep":              {payload(strings.Repeat("[", 60_000)), RefusedFrame, wire.ErrNoTag},
		"empty":             {make([]byte, 4), RefusedSize, wire.ErrFrameSize},
		"over 64 KiB":       {[]byte{0, 1, 0, 1, 'x'}, RefusedSize, wire.ErrFrameSize},
		"4 GiB":             {[]byte{255, 255, 255, 255}, RefusedSize, wire.ErrFrameSize},
	} {
		t.Run(name, func(t *testing.T) {
			after := encode(t, wire.Typing{Room: "after"})
			got, why := dictated(t, bytes.Join([][]byte{before, test.frame, after}, nil))
			want := []string{"message {before false}", "refused " + test.refused}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if !errors.Is(why, test.want) {
				t.Errorf("down with %v, want %v", why, test.want)
			}
		})
	}
	got, why := dictated(t, append(before, 0, 0, 1, 0, '{'))
	if len(got) != 1 || why == nil || byeReason(why) != "" {
		t.Errorf("half a frame: %v, %v", got, why)
	}
	_, why = dictated(t, encode(t, wire.Bye{Reason: strings.Repeat("ä", 1000)}))
	if got := byeReason(why); got != strings.Repeat("ä", 32) {
		t.Errorf("a long reason came as %q", got)
	}
}

// TestOrder: records and messages of a busy link, both ways at once, verified on all cores, keep
// their order.
func TestOrder(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	const n = 2000
	text := func(i int) string { return fmt.Sprint(i) }
	// hear checks what comes, and closes the channel when the last has come.
	hear := func(l *Link) (h *recorder, all chan struct{}) {
		h, all = newRecorder(t), make(chan struct{})
		var next int
		expect := func(got string) {
			if got != text(next) {
				t.Errorf("%s came as number %d", got, next)
			}
			if next++; next == n {
				close(all)
			}
		}
		h.onRecord = func(r *record.Record) { expect(r.Text()) }
		h.onMessage = func(m wire.Message) { expect(m.(wire.Typing).Room) }
		l.Start(h, nil)
		return h, all
	}
	talk := func(l *Link, au *author) {
		for i := range n {
			f := encode(t, wire.Typing{Room: text(i)})
			if i%10 != 9 {
				f = encode(t, onWire(au.say(t, text(i))))
			}
			if err := l.WaitLive(t.Context()); err != nil || !l.Live(f) {
				t.Errorf("the queue is full although it was waited for (%v)", err)
				return
			}
		}
	}
	ha, allA := hear(la)
	hb, allB := hear(lb)
	var both sync.WaitGroup
	both.Go(func() { talk(la, newAuthor(t, a.id)) })
	both.Go(func() { talk(lb, newAuthor(t, b.id)) })
	both.Wait()
	<-allA
	<-allB
	la.Bye(wire.ByeLeaving)
	if err := <-ha.down; err != nil {
		t.Errorf("down with %v", err)
	}
	if err := <-hb.down; byeReason(err) != wire.ByeLeaving {
		t.Errorf("down with %v", err)
	}
}

// TestExpectsMore: the reader expects another frame if one is buffered, or shortly after it handled a record.
func TestExpectsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frame := encode(t, wire.Ping{})
		in := inbound{l: &Link{frames: wire.NewReader(bytes.NewReader(slices.Concat(frame, frame)))}, queues: true}
		check := func(when string, want bool) {
			t.Helper()
			if got := in.expectsMore(); got != want {
				t.Errorf("%s: %v", when, got)
			}
		}
		check("at first", false)
		for _, buffered := range []bool{true, false} {
			if _, err := in.l.frames.Next(); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprint("a frame buffered: ", buffered), buffered)
		}
		us, h, au := newSide(t, 1), newRecorder(t), newAuthor(t, newSide(t, 3).id)
		in.ctx, in.l.handler, in.l.incoming = t.Context(), h, us.Pool.OpenQueue()
		defer in.l.incoming.Close()
		one, two := onWire(au.say(t, "one")), onWire(au.say(t, "two"))
		in.record(one, 100) // alone: verified and handled by the reader
		if d := cmp.Diff([]string{"record one"}, h.seen()); d != "" {
			t.Error(d)
		}
		in.record(two, 100) // on its heels: left to the workers
		if r := in.l.incoming.Next(); r == nil || r.Record.Text() != "two" || len(h.seen()) != 1 {
			t.Errorf("next: %v, handled %q", r, h.seen())
		}
		time.Sleep(streak)
		check("on the heels of a record", true)
		time.Sleep(time.Nanosecond)
		check("after a pause", false)
	})
}
