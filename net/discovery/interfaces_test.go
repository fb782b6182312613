package discovery

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/iface"
)

const (
	ethernet = net.FlagUp | net.FlagRunning | net.FlagBroadcast | net.FlagMulticast
	loopback = net.FlagUp | net.FlagRunning | net.FlagLoopback
	tunnel   = net.FlagUp | net.FlagRunning | net.FlagPointToPoint
)

func testNIC(name string, flags net.Flags, prefixes ...string) iface.Interface {
	n := iface.Interface{Name: name, Index: 7, Flags: flags}
	for _, p := range prefixes {
		n.Prefixes = append(n.Prefixes, netip.MustParsePrefix(p))
	}
	return n
}

func TestSkipReason(t *testing.T) {
	for _, c := range []struct {
		nic   iface.Interface
		named []string
		want  string
	}{
		{testNIC("eth0", ethernet, "10.0.0.1/24"), nil, ""},
		{testNIC("lo", loopback, "127.0.0.1/8"), nil, ""},
		{testNIC("lo", loopback, "127.0.0.1/8"), []string{"lo"}, ""},
		{testNIC("eth0", ethernet, "10.0.0.1/24"), []string{"lo"}, "not named with --interface"},
		{testNIC("docker0", ethernet, "172.17.0.1/16"), nil, "containers of this machine"},
		{testNIC("docker0", ethernet, "172.17.0.1/16"), []string{"docker0"}, ""},
		{testNIC("br-1f2e", ethernet, "172.18.0.1/16"), nil, "containers of this machine"},
		{testNIC("br0", ethernet, "10.0.0.1/24"), nil, ""},
		{testNIC("vethab12", ethernet, "fe80::1/64"), nil, "containers of this machine"},
		{testNIC("virbr0", ethernet, "192.168.122.1/24"), nil, "virtual machines of this machine"},
		{testNIC("vEthernet (External)", ethernet, "10.0.0.1/24"), nil, ""},
		{testNIC("vEthernet (Default Switch)", ethernet, "10.0.0.1/24"), nil, "virtual machines of this machine"},
		{testNIC("eth0", ethernet&^net.FlagUp, "10.0.0.1/24"), nil, "down"},
		{testNIC("eth0", ethernet&^net.FlagRunning, "10.0.0.1/24"), []string{"eth0"}, "not connected"},
		{testNIC("eth0", ethernet), nil, "no address"},
		{testNIC("tun0", tunnel, "10.8.0.2/32"), nil, "can't broadcast"},
	} {
		if got := skipReason(&c.nic, c.named); got != c.want {
			t.Errorf("%s, named %v: skipped %q, want %q", c.nic.Name, c.named, got, c.want)
		}
	}
}

func TestListOutlets(t *testing.T) {
	for _, c := range []struct {
		nic  iface.Interface
		want map[string][]string
	}{
		{testNIC("eth0", ethernet, "10.0.0.1/16", "fe80::1/64", "fe80::2/64"), map[string][]string{
			"10.0.0.1": {"10.0.255.255", "255.255.255.255"}, "fe80::1%eth0": {MulticastGroup + "%eth0"}}},
		{testNIC("eth0", ethernet, "10.0.0.129/25", "192.0.2.1/32", "192.0.2.4/31"), map[string][]string{
			"10.0.0.129": {"10.0.0.255", "255.255.255.255"}, "192.0.2.1": {"255.255.255.255"}, "192.0.2.4": {"255.255.255.255"}}},
		{testNIC("lo", loopback, "127.0.0.1/8", "10.255.255.254/32"), map[string][]string{"127.0.0.1": {"127.255.255.255"}}},
		{testNIC("lo0", loopback|net.FlagMulticast, "127.0.0.1/8", "fe80::1/64"), map[string][]string{
			"127.0.0.1": {"127.255.255.255"}, "fe80::1%lo0": {MulticastGroup + "%lo0"}}},
		{testNIC("tun0", tunnel, "10.8.0.2/32"), map[string][]string{}},
	} {
		got := make(map[string][]string)
		for _, o := range listOutlets(&c.nic) {
			for _, to := range o.to {
				got[o.from.String()] = append(got[o.from.String()], to.String())
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.nic.Name, diff)
		}
	}
}

func TestOutletsAreBounded(t *testing.T) {
	n := testNIC("eth0", ethernet)
	for i := range 200 {
		n.Prefixes = append(n.Prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24))
	}
	if got := len(listOutlets(&n)); got != maxAddrs {
		t.Errorf("%d outlets, want %d", got, maxAddrs)
	}
}

func TestMulticastGroupIsLinkLocal(t *testing.T) {
	if g := netip.MustParseAddr(MulticastGroup); !g.IsLinkLocalMulticast() && !(g.IsMulticast() && g.As16()[1]&0x0f == 2) {
		t.Errorf("%s is not a link-local group", g)
	}
}
