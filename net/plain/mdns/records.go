package mdns

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

const (
	maxLabel  = 63 // bytes (RFC 1035 §2.3.4)
	legacyTTL = 10 // seconds, for receivers that don't speak mDNS (RFC 6762 §6.7)
)

// buildRecords returns our records on this interface, or nil while there is nothing to announce.
func (n *nic) buildRecords() *mdns.MDNSService {
	self := n.s.cfg.Self()
	if self.ID == "" || self.Port <= 0 || self.Port > 65535 {
		return nil
	}
	var ips []net.IP
	for _, p := range n.Prefixes {
		ips = append(ips, p.Addr().AsSlice())
	}
	text := []string{"app=p2pchat", "peer_id=" + self.ID}
	if !self.Key.IsZero() {
		text = append(text, "v=1", "key="+self.Key.String())
	}
	// A host name of our own, since another responder may defend the machine's.
	host := "p2pchat-" + escapeLabel(self.ID, 36) + "." + domain
	z, err := mdns.NewMDNSService(escapeLabel(self.Name, maxLabel-1-len(self.ID))+"-"+escapeLabel(self.ID, 36), service, domain, host, self.Port, ips, text)
	if err != nil {
		n.s.cfg.Log.Debug("mdns", "error", err)
		return nil
	}
	return z
}

// escapeLabel returns at most the first most bytes of text as a part of a DNS label, escaped as package dns
// does when it unpacks a name.
func escapeLabel(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			return '_'
		}
		return r
	}, text)
	text = cmp.Or(wire.TruncateUTF8(text, max(most, 1)), "_")
	name, _, err := dns.UnpackDomainName(append([]byte{byte(len(text))}, text+"\x00"...), 0)
	if err != nil {
		return "_"
	}
	return strings.TrimSuffix(name, ".")
}

// answerQuestion returns our records that answer a question.
func (n *nic) answerQuestion(q dns.Question) []dns.RR {
	z := n.buildRecords()
	if z == nil || q.Qclass&^(1<<15) != dns.ClassINET && q.Qclass != dns.ClassANY {
		return nil
	}
	for _, ours := range []string{fullName, z.Instance + "." + fullName, z.HostName, "_services._dns-sd._udp." + domain} {
		if strings.EqualFold(ours, q.Name) {
			q.Name = ours
			return z.Records(q)
		}
	}
	return nil
}

// packResponse packs records as an answer, or returns nil if there are none.
func packResponse(answer []dns.RR) []byte {
	if len(answer) == 0 {
		return nil
	}
	return pack(&dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Authoritative: true}, Compress: true, Answer: answer})
}

// packAnnouncement packs all records that are sent without a query. A goodbye gives them no time to live.
func (n *nic) packAnnouncement(goodbye bool) []byte {
	all := n.answerQuestion(dns.Question{Name: fullName, Qtype: dns.TypePTR, Qclass: dns.ClassINET})
	if goodbye {
		setTTL(all, 0)
	}
	return packResponse(all)
}

func setTTL(records []dns.RR, seconds uint32) {
	for _, rr := range records {
		rr.Header().Ttl = seconds
	}
}

func packQuestion() []byte {
	m := new(dns.Msg)
	m.SetQuestion(fullName, dns.TypePTR)
	m.RecursionDesired = false
	return pack(m)
}

// pack returns nil if a record has a field that can't be packed.
func pack(m *dns.Msg) []byte {
	packet, err := m.Pack()
	if err != nil {
		return nil
	}
	return packet
}

// handle answers a query, or reports the peers in a response.
func (n *nic) handle(packet []byte, from netip.AddrPort) {
	var m dns.Msg
	if m.Unpack(packet) != nil || m.Opcode != dns.OpcodeQuery || m.Rcode != dns.RcodeSuccess {
		return
	}
	if m.Response {
		n.reportFound(&m, from.Addr())
		return
	}
	var answer []dns.RR
	for _, q := range m.Question[:min(len(m.Question), 8)] {
		answer = append(answer, n.answerQuestion(q)...)
	}
	switch {
	case len(answer) == 0:
	case from.Port() != uint16(n.s.cfg.Port):
		setTTL(answer, legacyTTL)
		header := dns.MsgHdr{Id: m.Id, Response: true, Authoritative: true}
		n.send(n.shared, pack(&dns.Msg{MsgHdr: header, Compress: true, Answer: answer, Question: m.Question}), from)
	case n.answers.Allow(): // else everyone has just heard the last one
		n.multicast(packResponse(answer))
	}
}

// reportFound passes the peers of a response to Config.Found. The address is the packet's, because an A
// record may name any address.
func (n *nic) reportFound(m *dns.Msg, from netip.Addr) {
	all := append(m.Answer, m.Extra...)
	self := n.s.cfg.Self()
	count := 0
	for _, rr := range all {
		p, ok := rr.(*dns.PTR)
		if !ok || p.Hdr.Ttl == 0 || !strings.EqualFold(p.Hdr.Name, fullName) {
			continue
		}
		if count++; count > 8 {
			return
		}
		d, ok := parseInstance(p.Ptr, all)
		if ok && d.ID != self.ID {
			n.s.cfg.Found(d, netip.AddrPortFrom(from, d.Port))
		}
	}
}

// parseInstance combines the records of one name. It reports false unless they describe a peer.
func parseInstance(name string, all []dns.RR) (wire.Discovery, bool) {
	d := wire.Discovery{}
	ours := false
	for _, rr := range all {
		if !strings.EqualFold(rr.Header().Name, name) {
			continue
		}
		switch rr := rr.(type) {
		case *dns.SRV:
			d.Port = rr.Port
		case *dns.TXT:
			for _, t := range rr.Txt {
				field, value, ok := strings.Cut(t, "=")
				if !ok {
					continue
				}
				switch field {
				case "app":
					ours = ours || value == "p2pchat"
				case "peer_id":
					d.ID = value
				case "key":
					if k, err := identity.ParseKey(value); err == nil {
						d.Key = &k
					}
				case "v":
					d.V, _ = strconv.Atoi(value)
				}
			}
		}
	}
	d.Name = strings.TrimSuffix(firstLabel(name), "-"+d.ID)
	return d, ours && d.ID != "" && d.Port != 0 && utf8.ValidString(d.ID)
}

// firstLabel returns a name's first label without its escapes.
func firstLabel(name string) string {
	var packed [256]byte
	if _, err := dns.PackDomainName(name, packed[:], 0, nil, false); err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(packed[1:1+packed[0]]), "\ufffd")
}
