package discovery

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// causes names problems by how their causes begin.
var causes = map[string]string{
	"no network interface can be used":   "no-interface",
	"beacons can't be sent":              "cannot-send",
	"another program keeps UDP port":     "port-taken",
	"nothing can be received":            "cannot-hear",
	"not even our own beacons come back": "no-echo",
	"no one heard":                       "nobody",
}

// problems returns the names of a status's problems, in order.
func problems(st Status) string {
	var all []string
	for _, t := range st.Troubles {
		for text, name := range causes {
			if strings.HasPrefix(t.Cause, text) {
				all = append(all, name)
			}
		}
	}
	return strings.Join(all, " ")
}

func TestDiagnoseOverTime(t *testing.T) {
	for _, c := range []struct {
		name  string
		peers int
		setup func(*nics)
		after map[time.Duration]string // problems, by time since the start
	}{
		{"all well but alone", 0, func(n *nics) { n.echo = true },
			map[time.Duration]string{4 * time.Second: "", 19 * time.Second: "", 21 * time.Second: "nobody"}},
		{"no echo", 0, func(n *nics) { n.report.Interfaces = []InterfaceStatus{{Name: "eth0", Unheard: time.Now()}} },
			map[time.Duration]string{4 * time.Second: "", 6 * time.Second: "no-echo", 30 * time.Second: "no-echo"}},
		{"linked by other means", 1, func(n *nics) { n.echo = true },
			map[time.Duration]string{30 * time.Second: ""}},
		{"no interface", 0, func(n *nics) { n.report.Interfaces = []InterfaceStatus{{Name: "eth0", Skipped: "down"}} },
			map[time.Duration]string{0: "no-interface"}},
		{"port taken", 0, func(n *nics) { n.report.PortTaken = true },
			map[time.Duration]string{6 * time.Second: "port-taken", 30 * time.Second: "port-taken"}},
		{"deaf", 0, func(n *nics) { n.report.ReceiveError = "permission denied" },
			map[time.Duration]string{6 * time.Second: "cannot-hear"}},
		{"can't send", 0, func(n *nics) { n.fail = errors.New("operation not permitted") },
			map[time.Duration]string{2 * time.Second: "cannot-send", 30 * time.Second: "cannot-send"}},
		{"one interface is silent", 0, func(n *nics) {
			n.echo = true
			n.report.Interfaces = []InterfaceStatus{{Name: "lo"}, {Name: "eth0", Unheard: time.Now()}}
		}, map[time.Duration]string{4 * time.Second: "", 6 * time.Second: "no-echo"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, began := &nics{air: newAir("10.0.0.1")}, time.Now()
				c.setup(n)
				b := run(t, n, nil)
				defer b.group.Close()
				b.SetPeers(c.peers)
				for s := range 40 {
					at := time.Duration(s) * time.Second
					time.Sleep(time.Until(began.Add(at)))
					synctest.Wait()
					want, check := c.after[at]
					if st := b.Status(); check && problems(st) != want {
						t.Errorf("at %v: %q, want %q", at, problems(st), want)
					}
				}
				for _, trouble := range b.Status().Troubles {
					if trouble.Cause == "" || trouble.Hint == "" {
						t.Errorf("trouble without cause or hint: %+v", trouble)
					}
				}
			})
		})
	}
}

func TestDiagnosisEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &nics{air: newAir("10.0.0.1")}
		a.report.Interfaces = []InterfaceStatus{{Name: "eth0", Unheard: time.Now()}}
		b := run(t, a, nil)
		defer b.group.Close()
		time.Sleep(30 * time.Second)
		if got := problems(b.Status()); got != "no-echo" {
			t.Fatalf("problems %q, want no-echo", got)
		}
		a.with(func() { a.report.Interfaces = []InterfaceStatus{{Name: "eth0"}} }) // the firewall is opened
		time.Sleep(10 * time.Second)
		if got := problems(b.Status()); got != "nobody" {
			t.Fatalf("problems %q, want NoOneHeard", got)
		}
		d := peer(2)
		a.say(encode(t, wire.Beacon{Discovery: &d}), "10.0.0.2:5000")
		time.Sleep(2 * time.Second)
		st := b.Status()
		if problems(st) != "" || st.Others != 1 || st.HeardOther.IsZero() {
			t.Errorf("problems %q, status %+v", problems(st), st)
		}
		time.Sleep(2 * otherFor)
		if got := problems(b.Status()); got != "nobody" {
			t.Errorf("problems %q after the other fell silent, want NoOneHeard", got)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		var told []string
		for _, s := range b.statuses {
			told = append(told, problems(s))
		}
		if got := strings.Join(told, ","); got != ",no-echo,nobody,,nobody" && got != "no-echo,nobody,,nobody" {
			t.Errorf("told %q, want each change once", got)
		}
	})
}

func TestOnStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nics{air: newAir("10.0.0.1")}
		n.echo = true
		n.report.Interfaces = []InterfaceStatus{{Name: "eth0", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}}
		b := run(t, n, nil)
		defer b.group.Close()
		time.Sleep(3500 * time.Millisecond)
		count := func() int {
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.statuses)
		}
		before := count()
		n.with(func() { n.report.Interfaces = []InterfaceStatus{{Name: "eth0", Sent: 7, Addrs: n.addrs}} })
		time.Sleep(3 * time.Second)
		if got := count(); got != before {
			t.Error("OnStatus was called for a mere counter")
		}
		n.with(func() { n.report.Interfaces = []InterfaceStatus{{Name: "eth0", Error: "network is unreachable"}} })
		time.Sleep(3 * time.Second)
		if got := count(); got != before+1 {
			t.Errorf("told %d times of an error, want once", got-before)
		}
	})
}

func TestNoOneHeardNamesSkippedInterfaces(t *testing.T) {
	began := time.Unix(1000, 0)
	st := Status{Since: began, Report: Report{Interfaces: []InterfaceStatus{
		{Name: "lo", Loopback: true}, {Name: "wlan0", Skipped: "not connected"},
	}}}
	found := diagnose(began.Add(otherWithin), &st, "", true)
	if len(found) != 1 || problems(Status{Troubles: found}) != "nobody" || !strings.Contains(found[0].Cause, "wlan0 (not connected)") {
		t.Errorf("troubles %+v", found)
	}
}
