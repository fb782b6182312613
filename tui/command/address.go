package command

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// DefaultPort is the TCP port that peers listen on unless --port names another.
const DefaultPort = 8080

// maxHost is the longest host name (RFC 1035 §2.3.4), with room for a zone.
const maxHost = 300

// schemes choose the protocol of an address: lines, as nc speaks, or the JSON of the seed's programs.
// An address without a scheme belongs to a peer of this program.
var schemes = [...]string{"line://", "json://"}

// ParseAddress returns HOST:PORT for an address as a person types it: a name or an IP address, with a port
// or without (then DefaultPort). IPv6 addresses may be bare where no port follows. A line:// or json://
// before the address is kept. The host isn't looked up.
func ParseAddress(text string) (string, error) {
	text = strings.TrimSpace(text)
	for _, scheme := range schemes {
		if len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			addr, err := ParseAddress(text[len(scheme):])
			if err == nil && strings.Contains(addr, "://") {
				err = fmt.Errorf("%.80q is not an address: it has two schemes", text)
			}
			return scheme + addr, err
		}
	}
	if scheme, _, ok := strings.Cut(text, "://"); ok {
		return "", fmt.Errorf("%.80q is not an address: %.20s:// is none that p2pchat speaks: write HOST:PORT, line://HOST:PORT or json://HOST:PORT", text, scheme)
	}
	host, port, err := split(text)
	if z := (zoneless{}); errors.As(err, &z) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("%.80q is not an address: %w: write HOST:PORT, as in 192.168.1.31:%d", text, err, DefaultPort)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// zoneless is a link-local address without its interface. The system refuses to dial it, with no more
// explanation than "invalid argument".
type zoneless netip.AddrPort

func (z zoneless) Error() string {
	a := netip.AddrPort(z)
	return fmt.Sprintf("%s is another machine on each network: name the interface, as in [%[1]s%%eth0]:%d", a.Addr(), a.Port())
}

func split(text string) (host string, port int, err error) {
	host, port = text, DefaultPort
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	ip, notIP := netip.ParseAddr(host)
	switch {
	case notIP == nil:
		host = ip.String()
	case strings.Contains(text, ":"):
		var number string
		if host, number, err = net.SplitHostPort(text); err != nil {
			return "", 0, errors.New("the port is missing or there are too many colons")
		}
		if port, err = parsePort(number); err != nil {
			return "", 0, err
		}
	}
	if ip, notIP = netip.ParseAddr(host); notIP == nil && ip.Is6() && ip.IsLinkLocalUnicast() && ip.Zone() == "" {
		return "", 0, zoneless(netip.AddrPortFrom(ip, uint16(port)))
	}
	switch {
	case host == "":
		return "", 0, errors.New("the host is missing")
	case len(host) > maxHost:
		return "", 0, fmt.Errorf("a host has at most %d characters", maxHost)
	case strings.ContainsFunc(host, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(" /\\@#?\"'[]", r) }):
		return "", 0, errors.New("the host has characters that no host has")
	case strings.Trim(host, "0123456789") == "":
		return "", 0, errors.New("a number alone is not a host")
	}
	return host, port, nil
}

// Port reads a port that can be dialled, 1 to 65535.
func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %.20q is not a number from 1 to 65535", text)
	}
	return int(n), nil
}
