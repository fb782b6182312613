package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/wire"
)

var burstTimes = []time.Duration{0, 250 * time.Millisecond, time.Second, 3 * time.Second}

// expectGaps fails unless every gap between the times is in [least, most], and there are some.
func expectGaps(t *testing.T, at []time.Duration, least, most time.Duration) {
	t.Helper()
	if len(at) < 3 {
		t.Fatalf("only %d beacons: %v", len(at), at)
	}
	for i := 1; i < len(at); i++ {
		if gap := at[i] - at[i-1]; gap < least || gap > most {
			t.Errorf("gap %v between beacons %d and %d, want %v to %v", gap, i-1, i, least, most)
		}
	}
}

func TestBurstThenEvery5s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := newAir("10.0.0.1"), time.Now()
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(2 * time.Minute)
		at := a.announced(began)
		if diff := cmp.Diff(burstTimes, at[:4]); diff != "" {
			t.Errorf("burst (-want +got):\n%s", diff)
		}
		expectGaps(t, at[3:], 3750*time.Millisecond, 5*time.Second)
		same := true
		for i := 5; i < len(at); i++ {
			same = same && at[i]-at[i-1] == at[4]-at[3]
		}
		if same {
			t.Error("no jitter: all gaps are the same")
		}
	})
}

func TestIntervalFollowsPeersAndLoss(t *testing.T) {
	for _, c := range []struct {
		peers       int
		lost        bool
		least, most time.Duration
	}{
		{1, false, 3937 * time.Millisecond, 5250 * time.Millisecond},
		{20, false, 7500 * time.Millisecond, 10 * time.Second},
		{128, false, 22500 * time.Millisecond, 30 * time.Second},
		{1 << 40, false, 22500 * time.Millisecond, 30 * time.Second},
		{-1, false, 3750 * time.Millisecond, 5 * time.Second},
		{128, true, 1500 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d peers, lost %v", c.peers, c.lost), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, began := newAir("10.0.0.1"), time.Now()
				b := run(t, a, nil)
				defer b.group.Close()
				time.Sleep(time.Minute)
				b.SetPeers(c.peers)
				b.SetLost(c.lost)
				a.announced(began)
				time.Sleep(10 * time.Minute)
				expectGaps(t, a.announced(began), c.least, c.most)
			})
		})
	}
}

func TestSetLostHastensTheNextBeacon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		b.SetPeers(128)
		time.Sleep(10 * time.Minute)
		a.announced(time.Now())
		began := time.Now()
		b.SetLost(true)
		time.Sleep(2 * time.Second)
		if at := a.announced(began); len(at) == 0 {
			t.Error("no beacon within 2 s of the loss")
		}
	})
}

func TestBurstAgain(t *testing.T) {
	for name, cause := range map[string]func(*bench, *nics, *atomic.Int64){
		"asked for":         func(b *bench, _ *nics, _ *atomic.Int64) { b.StartBurst() },
		"interfaces change": func(_ *bench, n *nics, _ *atomic.Int64) { n.with(func() { n.changed = true }) },
		"addresses change": func(_ *bench, n *nics, _ *atomic.Int64) {
			n.with(func() { n.addrs = []netip.Addr{netip.MustParseAddr("10.0.0.9")} })
		},
		"machine slept": func(_ *bench, _ *nics, skew *atomic.Int64) { skew.Store(int64(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, skew := &nics{air: newAir("10.0.0.1")}, &atomic.Int64{}
				b := run(t, n, func() time.Time { return time.Now().Round(0).Add(time.Duration(skew.Load())) })
				defer b.group.Close()
				b.SetPeers(128) // no ordinary beacon within 22 s
				time.Sleep(10*time.Minute - time.Millisecond)
				n.awaitBeacon()
				began := time.Now()
				cause(b, n, skew)
				time.Sleep(6 * time.Second)
				at := n.announced(began)
				if len(at) != 4 {
					t.Fatalf("%d beacons in 6 s after it, want a burst of 4: %v", len(at), at)
				}
				if at[0] > time.Second+shortest {
					t.Errorf("the burst began after %v, want within a second", at[0])
				}
				if got := at[3] - at[0]; got < 2750*time.Millisecond || got > 3*time.Second {
					t.Errorf("the burst took %v, want 3 s", got)
				}
			})
		})
	}
}

func TestBurstsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := newAir("10.0.0.1"), time.Now()
		b := run(t, a, nil)
		defer b.group.Close()
		for range 1000 {
			b.StartBurst()
			time.Sleep(10 * time.Millisecond)
		}
		if at := a.announced(began); len(at) > 41 {
			t.Errorf("%d beacons in 10 s of bursts, want at most 4 a second", len(at))
		}
	})
}

func TestNewInstanceIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(time.Minute)
		a.awaitBeacon() // so that the next is at least 2.75 s away
		time.Sleep(shortest)
		began := time.Now()
		other := peer(2)
		a.say(encode(t, wire.Beacon{Discovery: &other}), "10.0.0.2:5000")
		synctest.Wait()
		if diff := cmp.Diff([]time.Duration{0}, a.announced(began)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		a.say(encode(t, wire.Beacon{Discovery: &other}), "10.0.0.2:5000")
		synctest.Wait()
		if at := a.announced(began); len(at) > 0 {
			t.Errorf("a known instance was answered: %v", at)
		}
	})
}

func TestInventedInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(time.Minute)
		a.announced(time.Now())
		for i := range 60 * 20 {
			d := peer(100 + i)
			a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
			time.Sleep(50 * time.Millisecond)
		}
		// 16 ordinary ones, 30 answers and the 8 that were saved up.
		if at := a.announced(time.Now()); len(at) > 60 {
			t.Errorf("%d beacons in a minute", len(at))
		}
	})
}

func TestBeaconForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1", "fe80::1%eth0")
		b := run(t, a, nil)
		defer b.group.Close()
		synctest.Wait()
		v4, v6 := peer(1), peer(1)
		v4.IP, v6.IP = "10.0.0.1", "fe80::1"
		want := []wire.Beacon{{Discovery: &v4}, {Discovery: &v6}, {Heartbeat: v4.ID}, {Heartbeat: v4.ID}}
		var got []wire.Beacon
		a.with(func() {
			for _, s := range a.sent {
				got = append(got, s.beacon)
			}
		})
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b wire.Discovery) bool {
			return a.ID == b.ID && a.Name == b.Name && a.IP == b.IP && a.Port == b.Port && a.Inst == b.Inst &&
				*a.Key == *b.Key && cmp.Equal(a.Rooms, b.Rooms)
		})); diff != "" {
			t.Errorf("first beacon (-want +got):\n%s", diff)
		}
	})
}

func TestGoodbyeIsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(time.Minute)
		a.announced(time.Now())
		for range 2 {
			if err := b.Goodbye(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.StartBurst()
		time.Sleep(time.Minute)
		a.with(func() {
			if len(a.sent) != 1 || a.sent[0].beacon.Goodbye == nil {
				t.Errorf("sent %v after Goodbye, want one goodbye", a.sent)
			}
		})
	})
}

func TestGoodbyeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Goodbye(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Goodbye under an ended context: %v", err)
		}
		unplugged := errors.New("unplugged")
		a.with(func() { a.fail = unplugged })
		if err := b.Goodbye(t.Context()); !errors.Is(err, unplugged) {
			t.Errorf("Goodbye: %v, want %v", err, unplugged)
		}
	})
}

// A Heartbeat doesn't go out again a moment after another.
func TestBurstHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := newAir("10.0.0.1"), time.Now()
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(4 * time.Second)
		var got []time.Duration
		a.with(func() {
			for _, s := range a.sent {
				if s.beacon.Heartbeat != "" {
					got = append(got, s.at.Sub(began))
				}
			}
		})
		if diff := cmp.Diff([]time.Duration{0, 3 * time.Second}, got); diff != "" {
			t.Errorf("heartbeats (-want +got):\n%s", diff)
		}
	})
}

// While a burst of beacons is under way, new instances cause few more: none in a large room, where answers are spread
// over more time than is left until the next one.
func TestAnswersInBurst(t *testing.T) {
	ms := func(all ...int) (out []time.Duration) {
		for _, n := range all {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	for peers, want := range map[int][]time.Duration{0: ms(0, 250, 500, 750, 1000), 50: ms(0, 250, 1000)} {
		synctest.Test(t, func(t *testing.T) {
			a, began := newAir("10.0.0.1"), time.Now()
			b := run(t, a, nil)
			defer b.group.Close()
			b.SetPeers(peers)
			for i := range 9 {
				d := peer(100 + i)
				a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Second)
			if diff := cmp.Diff(want, a.announced(began)); diff != "" {
				t.Errorf("beacons of the start with %d peers (-want +got):\n%s", peers, diff)
			}
		})
	}
}

// In a large room one answer serves all newcomers of a second.
func TestAnswersAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := newAir("10.0.0.1"), time.Now()
		b := run(t, a, nil)
		defer b.group.Close()
		b.SetPeers(128)
		time.Sleep(time.Minute)
		a.awaitBeacon()
		time.Sleep(shortest)
		most, late := 0, time.Duration(0)
		for i := range 8 {
			a.announced(began)
			d := peer(200 + i)
			said := time.Now()
			a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
			time.Sleep(spreadMost + shortest)
			at := a.announced(said)
			most = max(most, len(at))
			for _, after := range at {
				late = max(late, after)
			}
		}
		if most != 1 || late < spreadMost/4 {
			t.Errorf("%d beacons answer a newcomer, the last after %v; want 1, spread over %v", most, late, spreadMost)
		}
	})
}
