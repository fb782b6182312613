package discovery

import (
	"cmp"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report describes the interfaces and the receiver of a Transport.
type Report struct {
	Port         int               // the UDP port of beacons
	Interfaces   []InterfaceStatus // used and skipped ones, in the system's order
	Networks     []netip.Prefix    // the networks of the interfaces that are used
	PortTaken    bool              // another program doesn't share the port: sending only
	ReceiveError string            // why the receiver failed, or ""
}

// InterfaceStatus is one network interface and its traffic since it came up.
type InterfaceStatus struct {
	Name     string
	Addrs    []netip.Addr // the addresses that beacons are sent from
	Loopback bool
	Skipped  string // why it isn't used, or ""
	Error    string // why the last beacon failed here, or ""

	Sent    uint64    // datagrams
	Heard   uint64    // datagrams of others
	Unheard time.Time // when the oldest beacon without an echo was sent; zero if there is none
}

// Status is the state of discovery, for the status line and for doctor.
type Status struct {
	Since      time.Time // when Start was called
	Report     Report    // zero if the Transport is no Inspector
	HeardOther time.Time // when another peer was last heard; zero if never
	Others     int       // peers heard in the last 90 s that haven't left
	Troubles   []Trouble // the most important first; empty if all is well
}

// same reports whether the two are the same to a person, who sees no counters or times. Since differs only
// from the zero Status, so that the first status is always reported.
func (s *Status) same(o *Status) bool {
	return s.Since.Equal(o.Since) && s.Others == o.Others && slices.Equal(s.Troubles, o.Troubles) &&
		slices.EqualFunc(s.Report.Interfaces, o.Report.Interfaces, func(a, b InterfaceStatus) bool {
			return a.Name == b.Name && a.Skipped == b.Skipped && a.Error == b.Error && slices.Equal(a.Addrs, b.Addrs)
		})
}

// Trouble is a problem in words for a person, in lower case and one line each.
type Trouble struct {
	Cause string // the problem, and its likely cause
	Hint  string // what to do
}

const connectHint = "or name a peer yourself: --connect HOST:PORT"

// diagnose finds what is wrong with a status. sendError is why the last beacon failed everywhere, or "". alone
// says that no peer is linked.
func diagnose(now time.Time, st *Status, sendError string, alone bool) []Trouble {
	var found []Trouble
	add := func(hint, cause string, args ...any) {
		found = append(found, Trouble{Cause: fmt.Sprintf(cause, args...), Hint: hint})
	}
	r := &st.Report
	port := cmp.Or(r.Port, Port)
	used, local := 0, true // local: no interface leads beyond this machine
	var silent, skipped []string
	for _, i := range r.Interfaces {
		if i.Skipped != "" {
			skipped = append(skipped, i.Name+" ("+i.Skipped+")")
			continue
		}
		used++
		local = local && i.Loopback
		if !i.Unheard.IsZero() && now.Sub(i.Unheard) >= echoWithin {
			silent = append(silent, i.Name)
		}
	}
	switch {
	case r.Interfaces != nil && used == 0:
		add("connect to a network, or choose an interface with --interface NAME", "no network interface can be used")
	case sendError != "":
		add("see whether a firewall or VPN forbids it, "+connectHint, "beacons can't be sent: %s", sendError)
	}
	switch {
	case r.PortTaken:
		add(portHolderHint(port)+", or have everyone use another with --discovery-port",
			"another program keeps UDP port %d to itself: others see this peer, it doesn't see them", port)
	case r.ReceiveError != "":
		add(connectHint, "nothing can be received on UDP port %d: %s", port, r.ReceiveError)
	case len(silent) > 0:
		add(FirewallHint("udp", port), "not even our own beacons come back on %s: a firewall likely blocks UDP port %d",
			strings.Join(silent, ", "), port)
	}
	since := st.Since
	if st.HeardOther.After(since) {
		since = st.HeardOther
	}
	if len(found) > 0 || !alone || st.Others > 0 || now.Sub(since) < otherWithin {
		return found
	}
	if used > 0 && local {
		add("connect to a network, "+connectHint, "no one heard in %d s, and only this machine is listened to; skipped: %s",
			int(otherWithin.Seconds()), strings.Join(skipped, ", "))
	} else {
		add("start p2pchat on another machine of this network, "+connectHint,
			"no one heard in %d s: no other peer is running, or the network keeps its machines apart (guest Wi-Fi), or their firewall blocks UDP port %d",
			int(otherWithin.Seconds()), port)
	}
	return found
}

// FirewallHint returns how to open a port in the firewall of this system. protocol is udp or tcp.
func FirewallHint(protocol string, port int) string {
	switch runtime.GOOS {
	case "windows":
		return fmt.Sprintf("in an administrator's PowerShell: New-NetFirewallRule -DisplayName p2pchat -Direction Inbound -Protocol %s -LocalPort %d -Action Allow", strings.ToUpper(protocol), port)
	case "darwin":
		return "allow p2pchat in System Settings → Network → Firewall, and under Privacy & Security → Local Network"
	}
	return fmt.Sprintf("sudo ufw allow %d/%s, or: sudo firewall-cmd --add-port=%d/%s", port, protocol, port, protocol)
}

// portHolderHint returns how to find the program that holds the port.
func portHolderHint(port int) string {
	switch runtime.GOOS {
	case "windows":
		return fmt.Sprintf("find it with: netstat -abno -p UDP | findstr :%d", port)
	case "darwin":
		return fmt.Sprintf("find it with: lsof -nP -iUDP:%d", port)
	}
	return fmt.Sprintf("find it with: ss -ulpn sport = :%d", port)
}
