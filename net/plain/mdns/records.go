package mdns

import (
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
	app       = "app=p2pchat"
	idIs      = "peer_id="
	keyIs     = "key="
	versionIs = "v="
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
	text := []string{app, idIs + self.ID}
	if !self.Key.IsZero() {
		text = append(text, versionIs+"1", keyIs+self.Key.String())
	}
	// A host name of our own, since another responder may defend the machine's.
	host := "p2pchat-" + escapeLabel(self.ID, 36) + "." + domain
	z, err := mdns.NewMDNSService(escapeLabel(self.Name, maxLabel-1-len(self.ID))+"-"+escapeLabel(self.ID, 36), service, domain, host, self.Port, ips, text)
	if err != nil {
		n.s.log.Debug("mdns", "error", err)
		return nil
	}
	return z
}

// escapeLabel returns at most the first most bytes of text, escaped as a part of a DNS label.
func escapeLabel(text string, most int) string {
	var out strings.Builder
	size := 0
	for _, r := range text {
		if size += utf8.RuneLen(r); size > max(most, 1) {
			break
		}
		switch {
		case r < 0x20 || r == 0x7f || r == utf8.RuneError:
			out.WriteByte('_')
		case strings.ContainsRune(`.\"();@$ `, r):
			out.WriteByte('\\')
			out.WriteRune(r)
		default:
			out.WriteRune(r)
		}
	}
	if out.Len() == 0 {
		return "_"
	}
	return out.String()
}

// answerQuestion returns our records that answer a question.
func (n *nic) answerQuestion(q dns.Question) []dns.RR {
	z := n.buildRecords()
	if z == nil || q.Qclass&^(1<<15) != dns.ClassINET && q.Qclass != dns.ClassANY {
		return nil
	}
	// Compared without case, and in the form that unpacking gives names.
	for _, ours := range []string{fullName, z.Instance + "." + fullName, z.HostName, "_services._dns-sd._udp." + domain} {
		if strings.EqualFold(normalizeName(ours), q.Name) {
			q.Name = ours
			return z.Records(q)
		}
	}
	return nil
}

// normalizeName returns a name in the form that it has after unpacking a packet.
func normalizeName(name string) string {
	buf := make([]byte, 256)
	end, err := dns.PackDomainName(name, buf, 0, nil, false)
	if err != nil {
		return name
	}
	back, _, err := dns.UnpackDomainName(buf[:end], 0)
	if err != nil {
		return name
	}
	return back
}

// packResponse packs records as an answer, or returns nil if there are none.
func packResponse(answer []dns.RR) []byte {
	if len(answer) == 0 {
		return nil
	}
	m := dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Authoritative: true}, Compress: true, Answer: answer}
	packet, err := m.Pack()
	if err != nil {
		return nil
	}
	return packet
}

// packAnnouncement packs all records that are sent without a query.
func (n *nic) packAnnouncement() []byte {
	return packResponse(n.answerQuestion(dns.Question{Name: fullName, Qtype: dns.TypePTR, Qclass: dns.ClassINET}))
}

// packGoodbye packs the announcement with no time to live.
func (n *nic) packGoodbye() []byte {
	all := n.answerQuestion(dns.Question{Name: fullName, Qtype: dns.TypePTR, Qclass: dns.ClassINET})
	for _, rr := range all {
		rr.Header().Ttl = 0
	}
	return packResponse(all)
}

func packQuestion() []byte {
	m := new(dns.Msg)
	m.SetQuestion(fullName, dns.TypePTR)
	m.RecursionDesired = false
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
	if len(answer) == 0 {
		return
	}
	n.sendAnswer(from, func() []byte { return packResponse(answer) }, func() []byte {
		for _, rr := range answer {
			rr.Header().Ttl = legacyTTL
		}
		out := dns.Msg{Compress: true, Answer: answer, Question: m.Question}
		out.Id, out.Response, out.Authoritative = m.Id, true, true
		packet, err := out.Pack()
		if err != nil {
			return nil
		}
		return packet
	})
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
				if t == app {
					ours = true
				} else if id, ok := strings.CutPrefix(t, idIs); ok {
					d.ID = id
				} else if text, ok := strings.CutPrefix(t, keyIs); ok {
					if k, err := identity.ParseKey(text); err == nil {
						d.Key = &k
					}
				} else if text, ok := strings.CutPrefix(t, versionIs); ok {
					d.V, _ = strconv.Atoi(text)
				}
			}
		}
	}
	if parts := dns.SplitDomainName(name); len(parts) > 0 {
		d.Name = strings.TrimSuffix(unescapeLabel(parts[0]), "-"+d.ID)
	}
	return d, ours && d.ID != "" && d.Port != 0 && utf8.ValidString(d.ID)
}

// unescapeLabel removes the escapes of a label.
func unescapeLabel(label string) string {
	var out strings.Builder
	for i := 0; i < len(label); i++ {
		c := label[i]
		if c == '\\' && i+1 < len(label) {
			if n, err := strconv.ParseUint(label[i+1:min(i+4, len(label))], 10, 8); err == nil && i+3 < len(label) {
				c = byte(n)
				i += 3
			} else {
				i++
				c = label[i]
			}
		}
		out.WriteByte(c)
	}
	return strings.ToValidUTF8(out.String(), "\ufffd")
}
