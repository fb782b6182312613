package lines

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
)

// numbers reads as the lines 1 … n, without holding them.
type numbers struct {
	n, next int
	rest    []byte
}

func (s *numbers) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.next == s.n {
			return 0, io.EOF
		}
		s.next++
		s.rest = fmt.Appendf(s.rest[:0], "%d\n", s.next)
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// counter counts lines that are as they should be, in order, after the first skip ones.
type counter struct {
	skip int
	want func(n int) string
	rest []byte
	seen int
	bad  string
}

func (c *counter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		text, rest, ok := bytes.Cut(c.rest, []byte("\n"))
		if !ok {
			c.rest = bytes.Clone(c.rest)
			return len(p), nil
		}
		c.rest = rest
		if c.skip > 0 {
			c.skip--
			continue
		}
		c.seen++
		if want := c.want(c.seen); string(text) != want && c.bad == "" {
			c.bad = fmt.Sprintf("line %d is %q, want %q", c.seen, text, want)
		}
	}
}

func TestAHundredThousandLinesOutInBoundedMemory(t *testing.T) {
	const n = 100_000
	out := &counter{skip: 1, want: func(n int) string {
		return fmt.Sprintf(`{"event":"sent","id":"id-%d","content":"%d","time":1795262400000,"peers":1}`, n, n)
	}}
	r := start(Config{In: &numbers{n: n}, Out: out, JSON: true}, person(2, "Bob"))
	r.node.keep = false
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := r.run(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if out.seen != n || out.bad != "" || r.node.lines != n {
		t.Errorf("%d lines said, %d shown: %s", r.node.lines, out.seen, out.bad)
	}
	// WaitWritable paces: the node never had much more than the 100 that it takes.
	if r.node.maxQueue > 110 {
		t.Errorf("%d lines waited in the node", r.node.maxQueue)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func TestAHundredThousandLinesIn(t *testing.T) {
	const n = 100_000
	bob := person(2, "Bob")
	out := &counter{skip: 6, want: func(n int) string { return fmt.Sprintf("📨 Bob says: %d", n) }}
	in, keys := io.Pipe()
	r := start(Config{In: in, Out: out})
	r.mode.Post(event.Ready{Self: self()})
	r.mode.Post(event.PeerChanged{Peer: bob})
	r.group.Go("flood", func(context.Context) {
		for i := range n {
			r.mode.Post(said(bob, fmt.Sprint(i+1)))
		}
		keys.Close()
	})
	if err := r.mode.Run(t.Context(), r.node); err != nil {
		t.Fatal(err)
	}
	r.stop(t)
	if out.seen != n || out.bad != "" {
		t.Errorf("%d lines shown: %s", out.seen, out.bad)
	}
}

func BenchmarkSaid(b *testing.B) {
	for name, v := range map[string]func(*output) view{
		"lines": func(o *output) view { return start0(o, new(roster.Roster)) },
		"json":  func(o *output) view { return &jsonView{out: o} },
	} {
		b.Run(name, func(b *testing.B) {
			o := newOutput(Config{})
			w := v(o)
			line := said(person(2, "Bob"), "build is green, deploying in five")
			for b.Loop() {
				w.event(line, "")
				if o.size > maxQueued {
					o.queue, o.size = nil, 0
				}
			}
		})
	}
}
