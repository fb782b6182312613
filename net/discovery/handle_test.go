package discovery

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/wire"
)

func addrPorts(texts ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, s := range texts {
		all = append(all, netip.MustParseAddrPort(s))
	}
	return all
}

// sight returns the parts of an Announcement that tests compare.
func sight(s Announcement) string {
	return fmt.Sprintf("%v %s %v new=%v own=%v %v", s.Kind, s.ID, s.Source, s.New, s.OwnKey, s.Addrs)
}

func TestAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		synctest.Wait()
		native, copied := peer(2), peer(1)
		copied.Inst = "ffffffffffffffff"
		own := peer(1)
		seed := wire.Discovery{ID: "3f", Name: "seed \x1b[31m", IP: "0.0.0.0", Port: 8081}
		noPort, noID := peer(7), peer(8)
		noPort.Port, noID.ID = 0, ""
		for _, s := range []struct {
			beacon wire.Beacon
			from   string
			want   string // "" if it is not to be sighted
		}{
			{wire.Beacon{Discovery: &native}, "10.0.0.2:5000", "announce id-2 10.0.0.2:5000 new=true own=false [10.0.0.2:8080]"},
			{wire.Beacon{Discovery: &native}, "10.0.5.2:5000", "announce id-2 10.0.5.2:5000 new=false own=false [10.0.5.2:8080 10.0.0.2:8080]"},
			{wire.Beacon{Discovery: &native}, "[::ffff:10.0.0.2]:5001", "announce id-2 10.0.0.2:5001 new=false own=false [10.0.0.2:8080]"},
			{wire.Beacon{Heartbeat: "id-2"}, "10.0.0.2:5000", "heartbeat id-2 10.0.0.2:5000 new=false own=false []"},
			{wire.Beacon{Goodbye: &native}, "10.0.0.2:5000", "goodbye id-2 10.0.0.2:5000 new=false own=false [10.0.0.2:8080]"},
			{wire.Beacon{Discovery: &seed}, "10.0.0.3:9999", "announce 3f 10.0.0.3:9999 new=true own=false [10.0.0.3:8081]"},
			{wire.Beacon{Discovery: &copied}, "10.0.0.4:5000", "announce id-1 10.0.0.4:5000 new=true own=true [10.0.0.4:8080 10.0.0.2:8080]"},
			{wire.Beacon{Discovery: &own}, "10.0.0.7:5000", ""},
			{wire.Beacon{Heartbeat: "id-1"}, "10.0.0.4:5000", ""},
			{wire.Beacon{Heartbeat: ""}, "10.0.0.4:5000", ""},
			{wire.Beacon{Discovery: &noPort}, "10.0.0.5:5000", ""},
			{wire.Beacon{Discovery: &noID}, "10.0.0.5:5000", ""},
		} {
			a.say(encode(t, s.beacon), s.from)
			synctest.Wait()
			got := ""
			for _, seen := range b.sighted() {
				got += sight(seen)
			}
			if got != s.want {
				t.Errorf("from %s:\n got %q\nwant %q", s.from, got, s.want)
			}
		}
		if st := b.Status(); st.Others != 1 {
			t.Errorf("others %d, want 1 (the second left, the third is our copy)", st.Others)
		}
	})
}

func TestIPv4First(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		both, six, leaver := peer(2), peer(3), peer(4)
		say := func(beacon wire.Beacon, from string) { a.say(encode(t, beacon), from) }
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, s := range b.sighted() {
				got = append(got, fmt.Sprintf("%v %s %v new=%v", s.Kind, s.ID, s.Source.Addr(), s.New))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sighted (-want +got):\n%s", diff)
			}
		}
		say(wire.Beacon{Discovery: &both}, "[fe80::2%eth0]:5000")
		say(wire.Beacon{Discovery: &six}, "[fe80::3%eth0]:5000")
		say(wire.Beacon{Discovery: &leaver}, "[fe80::4%eth0]:5000")
		expect()
		time.Sleep(ipv6Delay / 2)
		say(wire.Beacon{Discovery: &both}, "10.0.0.2:5000")
		expect("announce id-2 10.0.0.2 new=true", "announce id-2 fe80::2%eth0 new=false")
		say(wire.Beacon{Goodbye: &leaver}, "[fe80::4%eth0]:5000")
		expect("announce id-4 fe80::4%eth0 new=true", "goodbye id-4 fe80::4%eth0 new=false")
		time.Sleep(ipv6Delay / 2)
		expect("announce id-3 fe80::3%eth0 new=true")
		say(wire.Beacon{Discovery: &both}, "[fe80::2%eth0]:5000")
		expect("announce id-2 fe80::2%eth0 new=false")
	})
}

func TestDelayedIsBounded(t *testing.T) {
	now, h := time.Unix(1000, 0), delayed(nil)
	for i := range maxDelayed + 10 {
		s := Announcement{Kind: Announce, New: true, Source: netip.MustParseAddrPort("[fe80::2%eth0]:5000"), Discovery: peer(i)}
		if told := len(h.add(now, s)); (told == 1) != (i >= maxDelayed) {
			t.Errorf("announcement %d: %d passed on at once", i, told)
		}
	}
	if n := len(h.expired(now.Add(ipv6Delay))); n != maxDelayed || len(h) != 0 {
		t.Errorf("%d passed on in the end, %d left; want %d and 0", n, len(h), maxDelayed)
	}
}

func TestRatesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		a.echo = true
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(time.Minute)
		// One host may send 25 at once, this machine 128, all together 256.
		for i := range 2 * localPerSecond {
			d := peer(1000 + i)
			a.say(encode(t, wire.Beacon{Discovery: &d}), fmt.Sprintf("10.0.0.1:%d", 5000+i))
		}
		synctest.Wait()
		if n := len(b.sighted()); n != localPerSecond {
			t.Errorf("%d sighted of this machine, want %d", n, localPerSecond)
		}
		for i := range 100 {
			d := peer(100 + i)
			a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
		}
		synctest.Wait()
		if n := len(b.sighted()); n != 25 {
			t.Errorf("%d sighted of a noisy host, want 25", n)
		}
		for i := range 200 {
			d := peer(300 + i)
			a.say(encode(t, wire.Beacon{Discovery: &d}), fmt.Sprintf("10.0.1.%d:5000", i))
		}
		synctest.Wait()
		if n, want := len(b.sighted()), beaconsPerSecond-localPerSecond-25; n != want {
			t.Errorf("%d sighted of the others, want the %d that the noisy ones left", n, want)
		}
		time.Sleep(time.Second)
		d := peer(2)
		for range 3 {
			a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
		}
		a.say([]byte(strings.Repeat("x", wire.MaxBeacon+1)), "10.0.0.2:5000")
		a.say([]byte("{"), "10.0.0.2:5000")
		synctest.Wait()
		if n := len(b.sighted()); n != 1 {
			t.Errorf("%d sighted after a second, want 1: the others are copies, oversized or malformed", n)
		}
	})
}

func TestOwnEchoesCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir("10.0.0.1")
		b := run(t, a, nil)
		defer b.group.Close()
		synctest.Wait()
		a.with(func() {
			// Our own heartbeat, a thousand times in no time: as with many interfaces and bursts.
			for range 1000 {
				a.in <- datagram{encode(t, wire.Beacon{Heartbeat: "id-1"}), netip.MustParseAddrPort("10.0.0.1:40000")}
			}
		})
		d := peer(2)
		a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
		synctest.Wait()
		if n := len(b.sighted()); n != 1 {
			t.Errorf("%d sighted behind our own echoes, want 1", n)
		}
	})
}

// A beacon that comes again is decoded once. What another socket sends, or what has changed, is decoded anew, and what
// isn't a beacon each time.
func TestBeaconsAreDecodedOnce(t *testing.T) {
	now := time.Now()
	s := &Service{
		cfg:  Config{Transport: newAir("10.0.0.1")},
		self: peer(1), schedule: newSchedule(now), filter: newFilter(), instances: make(instanceTable),
	}
	one, other := peer(2), peer(3)
	handle := func(payload []byte, from string) (id string) {
		now = now.Add(time.Second)
		a, _ := s.handle(now, payload, netip.MustParseAddrPort(from))
		return a.ID
	}
	decoded := func() (all []*wire.Beacon) {
		for _, d := range s.filter.datagrams {
			if d.beacon != nil {
				all = append(all, d.beacon)
			}
		}
		return all
	}
	var first *wire.Beacon
	for range 2 * maxDatagrams {
		if id := handle(encode(t, wire.Beacon{Discovery: &one}), "10.0.0.2:5000"); id != "id-2" {
			t.Fatalf("it is %q", id)
		}
		switch all := decoded(); {
		case first == nil && len(all) == 1:
			first = all[0]
		case len(all) != 1 || all[0] != first:
			t.Fatalf("%d are decoded", len(all))
		}
	}
	for i, c := range []struct {
		what   string
		beacon wire.Beacon
		from   string
		want   string
	}{
		{"another socket", wire.Beacon{Discovery: &one}, "10.0.0.2:5001", "id-2"},
		{"another beacon", wire.Beacon{Discovery: &other}, "10.0.0.2:5000", "id-3"},
	} {
		if id := handle(encode(t, c.beacon), c.from); id != c.want || len(decoded()) != i+2 {
			t.Errorf("%s: %q, %d are decoded", c.what, id, len(decoded()))
		}
	}
	for range 2 {
		if id := handle([]byte("no beacon"), "10.0.0.2:5000"); id != "" || len(decoded()) != 3 {
			t.Errorf("no beacon is %q, %d are decoded", id, len(decoded()))
		}
	}
}

// A datagram that comes again within 100 ms is a copy. However often it is repeated, it doesn't silence who sent it, nor
// push what others sent out of memory.
func TestCopiesOfDatagrams(t *testing.T) {
	now, f := time.Now(), newFilter()
	from, other := netip.MustParseAddrPort("10.0.0.2:5000"), netip.MustParseAddrPort("10.0.0.3:5000")
	taken := 0
	for range 100 {
		if _, isCopy := f.note(now, []byte("repeated"), from); !isCopy {
			taken++
		}
		now = now.Add(copyWithin * 9 / 10)
	}
	if taken != 50 {
		t.Errorf("%d of 100 are taken, want every second one", taken)
	}
	f.note(now, []byte("another"), other)
	for range 2 * maxDatagrams {
		f.note(now, []byte("repeated"), from)
	}
	if _, isCopy := f.note(now.Add(copyWithin-1), []byte("another"), other); !isCopy {
		t.Error("copies of one datagram pushed out another one")
	}
	if _, isCopy := f.note(now.Add(copyWithin), []byte("another"), other); isCopy {
		t.Error("it counts as a copy for too long")
	}
}

// A datagram that comes again is the newest: those between are overwritten before it.
func TestDatagramThatComesAgainIsNewest(t *testing.T) {
	f, now, from := newFilter(), time.Unix(0, 0), netip.MustParseAddrPort("10.0.0.7:9999")
	number := func(i int) []byte { return fmt.Append(nil, i) }
	for i := range maxDatagrams {
		f.note(now, number(i), from)
	}
	now = now.Add(copyWithin)
	f.note(now, number(0), from) // in place of the oldest, which is the same
	for i := range maxDatagrams - 1 {
		f.note(now, number(maxDatagrams+i), from)
	}
	if _, isCopy := f.note(now, number(0), from); !isCopy {
		t.Error("it was overwritten before those that came earlier")
	}
	f.note(now, number(-1), from)
	known, _ := f.note(now, number(maxDatagrams+5), from)
	known.beacon = &wire.Beacon{}
	now = now.Add(copyWithin)
	if again, _ := f.note(now, number(maxDatagrams+5), from); again.beacon == nil {
		t.Error("what it says must be decoded again")
	}
	for i := range maxDatagrams - 1 {
		f.note(now, number(2*maxDatagrams+i), from)
	}
	if _, isCopy := f.note(now, number(maxDatagrams+5), from); !isCopy {
		t.Error("one from the middle was overwritten before those that came later")
	}
}

func TestInstancesAreBounded(t *testing.T) {
	now, table := time.Unix(1000, 0), make(instanceTable)
	for i := range maxInstances {
		d := peer(i)
		if !table.note(now.Add(time.Duration(i)*time.Millisecond), &d, false) {
			t.Fatalf("instance %d is not new", i)
		}
	}
	first, second, late := peer(0), peer(1), peer(maxInstances)
	later := now.Add(time.Minute)
	if table.note(later, &first, false) {
		t.Error("a known instance is new")
	}
	if !table.note(later, &late, false) {
		t.Error("an unknown instance is not new")
	}
	if len(table) != maxInstances {
		t.Errorf("%d instances, want %d", len(table), maxInstances)
	}
	if table.note(later, &first, false) {
		t.Error("the one heard a moment ago was forgotten")
	}
	if !table.note(later, &second, false) {
		t.Error("the oldest was not forgotten")
	}
	if n := table.countOthers(later.Add(otherFor)); n != 0 {
		t.Errorf("%d others long after", n)
	}
}

func TestRestartedPeerCountsOnce(t *testing.T) {
	now, table := time.Unix(1000, 0), make(instanceTable)
	before, after := peer(2), peer(2)
	after.Inst = "00000000000000ff"
	if !table.note(now, &before, false) || !table.note(now, &after, false) {
		t.Error("each start is a new instance")
	}
	if n := table.countOthers(now); n != 1 {
		t.Errorf("%d others, want 1", n)
	}
}

func TestSourcesAreBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	g := newFilter()
	for i := range 10 * maxSources {
		g.allow(now, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), false)
	}
	if len(g.sources) > maxSources {
		t.Errorf("%d sources remembered, want at most %d", len(g.sources), maxSources)
	}
}

func TestListDialAddrs(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("203.0.113.1")}
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/16"), netip.MustParsePrefix("203.0.113.1/24")}
	for _, c := range []struct {
		source, claim string
		want          []netip.AddrPort
	}{
		{"10.0.0.2", "10.0.0.2", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "0.0.0.0", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "::", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "not an address", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "172.16.0.9", addrPorts("10.0.0.2:8080", "172.16.0.9:8080")},
		{"10.0.0.2", "::ffff:172.16.0.9", addrPorts("10.0.0.2:8080", "172.16.0.9:8080")},
		{"10.0.0.2", "203.0.113.7", addrPorts("10.0.0.2:8080", "203.0.113.7:8080")}, // on a network of ours
		{"10.0.0.2", "198.51.100.7", addrPorts("10.0.0.2:8080")},                    // the wide world
		{"10.0.0.2", "127.0.0.1", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "::1", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "10.0.0.1", addrPorts("10.0.0.2:8080")}, // ourselves
		{"10.0.0.2", "255.255.255.255", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "::ffff:255.255.255.255", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "10.0.255.255", addrPorts("10.0.0.2:8080")}, // a directed broadcast
		{"10.0.0.2", "10.0.0.0", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "224.0.0.1", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "ff02::1", addrPorts("10.0.0.2:8080")},
		{"10.0.0.2", "fe80::2", addrPorts("10.0.0.2:8080")}, // no zone to dial it in
		{"10.0.0.2", "fe80::2%eth0", addrPorts("10.0.0.2:8080")},
		{"127.0.0.1", "127.0.0.1", addrPorts("127.0.0.1:8080")},
		{"127.0.0.1", "10.0.0.1", addrPorts("127.0.0.1:8080")},
		{"10.0.0.1", "203.0.113.1", addrPorts("10.0.0.1:8080", "203.0.113.1:8080")}, // another program here
		{"fe80::2%eth0", "fe80::2", addrPorts("[fe80::2%eth0]:8080")},
		{"fe80::2%eth0", "fe80::3%eth9", addrPorts("[fe80::2%eth0]:8080", "[fe80::3%eth0]:8080")},
		{"fe80::2%eth0", "10.0.0.2", addrPorts("[fe80::2%eth0]:8080", "10.0.0.2:8080")},
		{"0.0.0.0", "10.0.0.2", addrPorts("10.0.0.2:8080")},
		{"255.255.255.255", "255.255.255.255", nil},
	} {
		d := wire.Discovery{IP: c.claim, Port: 8080}
		got := listDialAddrs(&d, netip.MustParseAddr(c.source), own, networks)
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("from %s claiming %q (-want +got):\n%s", c.source, c.claim, diff)
		}
	}
}

// FuzzHear feeds datagrams to a Service that has no goroutines.
func FuzzHear(f *testing.F) {
	d := peer(2)
	f.Add(encode(f, wire.Beacon{Discovery: &d}), []byte{10, 0, 0, 2})
	f.Add(encode(f, wire.Beacon{Goodbye: &d}), []byte{127, 0, 0, 1})
	f.Add(encode(f, wire.Beacon{Heartbeat: "id-2"}), []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte(`{"Discovery":{"id":"x","ip":"::ffff:255.255.255.255%a","port":1}}`), []byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, payload, source []byte) {
		now := time.Now()
		s := &Service{
			cfg: Config{Transport: newAir("10.0.0.1")}, wake: make(chan struct{}, 1),
			self: peer(1), schedule: newSchedule(now), filter: newFilter(), instances: make(instanceTable),
		}
		from, _ := netip.AddrFromSlice(source)
		seen, ok := s.handle(now, payload, netip.AddrPortFrom(from, 5000))
		if ok && (seen.ID == "" || seen.Kind == Announce && len(seen.Addrs) == 0) {
			t.Errorf("useless announcement %+v", seen)
		}
		for _, a := range seen.Addrs {
			if !isDialable(a.Addr(), nil) || a.Port() == 0 {
				t.Errorf("%s to dial", a)
			}
		}
		if _, again := s.handle(now, payload, netip.AddrPortFrom(from, 5000)); again {
			t.Error("a copy was passed on")
		}
	})
}
