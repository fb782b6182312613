package link

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// A peer that knows short pings gets a hash when it changes, and all of them with every sixth ping. Another peer gets
// all of them with each.
func TestPingHashes(t *testing.T) {
	long := []string{"a=1 b=1", "a=1 b=1", "a=1 b=2", "a=1 b=2", "a=1 b=2", "a=1 b=2", "a=1 b=2", "a=1 b=2", "a=1 b=2", "a=1 b=2"}
	for _, tc := range []struct {
		caps []string
		want []string
	}{
		{nil, long},
		{[]string{wire.CapHeads}, long},
		{wire.Caps(), []string{"a=1 b=1", "", "b=2", "", "", "", "a=1 b=2", "", "", ""}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newSide(t, 1), newSide(t, 2)
			a.Config.Hello, b.Config.Hello = withCaps(a.Hello, wire.Caps()), withCaps(b.Hello, tc.caps)
			_, ca, cb := memPair(t, 1, memnet.Link{})
			la, lb := pair(t, a, b, ca, cb)
			h := &hashRecorder{recorder: newRecorder(t)}
			began := time.Now()
			la.Start(newRecorder(t), func() map[string]string {
				if time.Since(began) < 2*pingEvery {
					return map[string]string{"a": "1", "b": "1"}
				}
				return map[string]string{"a": "1", "b": "2"}
			})
			lb.Start(h, nil)
			time.Sleep(9*pingEvery + time.Second)
			if diff := cmp.Diff(tc.want, h.pings()); diff != "" {
				t.Errorf("to a peer that knows %v (-want +got):\n%s", tc.caps, diff)
			}
			la.fail(ErrDown)
			lb.fail(ErrDown)
		})
	}
}

// withCaps returns a function that returns a Hello with other capabilities.
func withCaps(hello func() wire.Hello, caps []string) func() wire.Hello {
	return func() wire.Hello {
		h := hello()
		h.Caps = caps
		return h
	}
}

// hashRecorder records the hashes of pings.
type hashRecorder struct {
	*recorder
	mu  sync.Mutex
	got []string
}

func (h *hashRecorder) Frontier(_ *Link, hashes map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := ""
	for _, room := range []string{"a", "b"} {
		if hash, said := hashes[room]; said {
			if text != "" {
				text += " "
			}
			text += fmt.Sprint(room, "=", hash)
		}
	}
	h.got = append(h.got, text)
}

func (h *hashRecorder) pings() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}
