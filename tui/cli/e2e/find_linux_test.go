package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Three hosts without a default route, a fourth with two interfaces, and a fifth on its second
// network only: all who can find each other do, at their right addresses.
func TestHostsFindEachOther(t *testing.T) {
	l := newLAN(t, "find", "red", "blue")
	addrs := map[string][]string{
		"one": {"10.77.0.1/16@red"}, "two": {"10.77.0.2/16@red"}, "three": {"10.77.0.3/16@red"},
		"four": {"10.77.0.4/16@red", "10.78.0.4/16@blue"}, "five": {"10.78.0.5/16@blue"},
	}
	names := []string{"one", "two", "three", "four", "five"}
	hosts, peers := map[string]*host{}, map[string]*peer{}
	for _, name := range names {
		hosts[name] = l.host(name, addrs[name]...)
	}
	for _, name := range names {
		peers[name] = hosts[name].start()
	}
	last := peers["five"].ready.at
	for _, name := range names {
		expect := map[string]string{} // by id
		for _, other := range names {
			for _, mine := range addrs[name] {
				for _, theirs := range addrs[other] {
					addr, net, _ := strings.Cut(theirs, "/")
					if other != name && strings.HasSuffix(mine, net) {
						expect[peers[other].ready.ID] = addr + ":8080"
					}
				}
			}
		}
		for len(expect) > 0 {
			h := peers[name].until("further peers", func(h happened) bool { return h.Event == "peer" && h.State == "up" })
			if want := expect[h.ID]; h.Addr != want {
				t.Errorf("%s finds %s at %s, want %q", name, h.Name, h.Addr, want)
			}
			delete(expect, h.ID)
			soon(t, name+" finds "+h.Name, last, h.at, 3*time.Second)
		}
	}
	// Each says a line; all five hear the other four's, also across the two networks, and each once.
	for _, name := range names {
		peers[name].says("this is " + name)
	}
	for _, name := range names {
		heard := 0
		peers[name].until("everybody's lines", func(h happened) bool {
			if h.Event == "message" {
				heard++
			}
			return heard == len(names)-1
		})
	}
	checkAllHeard(t, peers)
}

// checkAllHeard ends the peers, each of which has said "this is NAME", and fails unless each heard
// the others' lines once.
func checkAllHeard(t *testing.T, peers map[string]*peer) {
	t.Helper()
	var all []string
	for name := range peers {
		all = append(all, "this is "+name)
	}
	for name, p := range peers {
		heard := append(p.quits(), "this is "+name)
		slices.Sort(heard)
		if slices.Sort(all); !slices.Equal(heard, all) {
			t.Errorf("%s heard, with its own, %q", name, heard)
		}
	}
}

// A and C share a network but can't reach each other: both reach B. All three hear each other.
func TestThoseWhoCantReachEachOtherTalkThroughAnother(t *testing.T) {
	for _, how := range []string{"blackhole", "networks"} {
		t.Run(how, func(t *testing.T) {
			l := newLAN(t, "via"+how[:1], "red", "blue")
			peers := map[string]*peer{}
			if how == "networks" {
				peers["b"] = l.host("b", "10.77.0.2/16@red", "10.78.0.2/16@blue").start()
				peers["c"] = l.host("c", "10.78.0.3/16@blue").start()
				peers["a"] = l.host("a", "10.77.0.1/16@red").start()
			} else {
				a, c := l.host("a", "10.77.0.1/16@red"), l.host("c", "10.77.0.3/16@red")
				a.ip("route", "add", "blackhole", "10.77.0.3")
				c.ip("route", "add", "blackhole", "10.77.0.1")
				peers["b"] = l.host("b", "10.77.0.2/16@red").start()
				peers["a"], peers["c"] = a.start(), c.start()
			}
			for _, name := range []string{"a", "c"} {
				peers["b"].sees("up", peers[name])
				peers[name].sees("up", peers["b"])
			}
			for name, p := range peers {
				p.says("this is " + name)
			}
			for name, p := range peers {
				for other, q := range peers {
					if other != name {
						p.next = 0
						p.hears(q, "this is "+other)
					}
				}
			}
			checkAllHeard(t, peers)
		})
	}
}
