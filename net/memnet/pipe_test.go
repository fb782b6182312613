package memnet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(5 * time.Millisecond))
		c, s := dialed(t, a, b)
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		k, err := c.Write(make([]byte, Buffer+1))
		if k != Buffer || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("wrote %d, %v; want the buffer's %d and a timeout", k, err, Buffer)
		}
		c.SetWriteDeadline(time.Time{})
		wrote := make(chan struct{})
		go func() { c.Write(make([]byte, 100)); close(wrote) }()
		isDone := func() bool {
			synctest.Wait()
			select {
			case <-wrote:
				return true
			default:
				return false
			}
		}
		for _, step := range []struct {
			read int
			done bool
		}{{0, false}, {99, false}, {1, true}} {
			io.ReadFull(s, make([]byte, step.read))
			if got := isDone(); got != step.done {
				t.Errorf("after %d more bytes were read: write done = %v, want %v", step.read, got, step.done)
			}
		}
		// The other direction has a buffer of its own.
		write(t, s, "free")
		expect(t, c, "free")
	})
}

func TestLatencyKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 3)
		c, s := dialed(t, a, b)
		n.SetDefault(Link{MinLatency: time.Millisecond, MaxLatency: 100 * time.Millisecond})
		const count = 200
		var sent [count]time.Time
		go func() {
			for i := range count {
				sent[i] = time.Now()
				c.Write([]byte{byte(i)})
				time.Sleep(time.Millisecond)
			}
			c.Close()
		}()
		b1 := make([]byte, 1)
		var longest time.Duration
		for i := range count {
			if _, err := io.ReadFull(s, b1); err != nil || b1[0] != byte(i) {
				t.Fatalf("byte %d is %d, %v", i, b1[0], err)
			}
			took := time.Since(sent[i])
			if took < time.Millisecond || took > 100*time.Millisecond {
				t.Errorf("byte %d took %v", i, took)
			}
			longest = max(longest, took)
		}
		if longest < 80*time.Millisecond {
			t.Errorf("the longest of %d latencies is %v: not drawn up to 100 ms", count, longest)
		}
	})
}

func TestOneByteASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, c := open(t, 1)
		slow, slowEnd := dialed(t, a, b)
		quick, quickEnd := dialed(t, a, c)
		b.SetBandwidth(0, 1)
		start := time.Now()
		write(t, slow, "abc")
		write(t, quick, "at once")
		expect(t, quickEnd, "at once")
		if took := time.Since(start); took != 0 {
			t.Errorf("a slow host delayed another by %v", took)
		}
		for i, want := range []string{"a", "b", "c"} {
			expect(t, slowEnd, want)
			if took := time.Since(start); took != time.Duration(i+1)*time.Second {
				t.Errorf("byte %d came after %v", i, took)
			}
		}
		write(t, slow, "end")
		slow.Close()
		if got, err := io.ReadAll(slowEnd); string(got) != "end" || err != nil {
			t.Errorf("read %q, %v after Close", got, err)
		}
		if got := n.Traffic(); got.Bytes != 6+7 || got.Segments != 6+1 || got.Conns != 2 {
			t.Errorf("traffic = %+v, want 6 bytes in 6 segments, and 7 in one, of two connections", got)
		}
	})
}

func TestLineIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, c := open(t, 1)
		const rate, size = 1 << 20, 200 << 10
		ends := make([]net.Conn, 4)
		var clients []net.Conn
		for i := range ends {
			client, server := dialed(t, a, []*Host{b, c}[i%2])
			clients, ends[i] = append(clients, client), server
		}
		a.SetBandwidth(rate, 0)
		start := time.Now()
		for _, c := range clients {
			write(t, c, string(make([]byte, size)))
		}
		var readers sync.WaitGroup
		all := float64(len(ends)*size) / rate
		for i, s := range ends {
			readers.Go(func() {
				io.ReadFull(s, make([]byte, size))
				if took := time.Since(start).Seconds(); took < 0.9*all || took > 1.01*all {
					t.Errorf("connection %d took %.3f s, want nearly the %.3f s of all together", i, took, all)
				}
			})
		}
		readers.Wait()
	})
}

// TestNothingIsLost checks the promise of a stream: through any faults but a reset, every byte arrives,
// once and in order.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		faults := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 30).Draw(rt, "faults")
		size := rapid.IntRange(0, 3*Buffer).Draw(rt, "size")
		synctest.Test(t, func(t *testing.T) {
			n := New(seed)
			defer n.Close()
			a, b := n.Host(addrA), n.Host(addrB)
			c, s := dialed(t, a, b)
			rng := rand.New(rand.NewPCG(seed, 1))
			sent := make([]byte, size)
			for i := range sent {
				sent[i] = byte(rng.Uint32())
			}
			var busy sync.WaitGroup
			busy.Go(func() {
				for rest := sent; len(rest) > 0; {
					k := min(len(rest), 1+rng.IntN(50_000))
					if _, err := c.Write(rest[:k]); err != nil {
						t.Errorf("write: %v", err)
						return
					}
					rest = rest[k:]
				}
				c.Close()
			})
			busy.Go(func() {
				for _, f := range faults {
					time.Sleep(30 * time.Millisecond)
					switch f {
					case 0, 1:
						n.Partition([]netip.Addr{addrA}, []netip.Addr{addrB})
					case 2:
						n.Heal()
					case 3:
						a.Cut()
					case 4:
						a.Join()
					case 5:
						n.Block(addrA, addrB)
					case 6:
						n.Unblock(addrA, addrB)
					case 7:
						n.SetDefault(Link{MaxLatency: 200 * time.Millisecond, Loss: 1})
					case 8:
						a.SetBandwidth(100_000, 0)
						b.SetBandwidth(0, 1_000_000)
					case 9:
						b.RemoveAddr(addrB)
					}
				}
				b.AddAddr(addrB)
				a.Join()
				n.Unblock(addrA, addrB)
				n.Heal()
			})
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("seed %d, faults %v: read %d bytes, %v; want the %d sent", seed, faults, len(got), err, size)
			}
			busy.Wait()
			s.Close()
			if openStreams(n) != 0 {
				t.Errorf("%d streams left", openStreams(n))
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
