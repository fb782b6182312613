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

// ParseAddress returns HOST:PORT for an address as a person types it: a name or an IP address, with a port
// or without (then DefaultPort). IPv6 addresses may be bare where no port follows. The host isn't looked up.
//
// A scheme before the address is kept: line:// for lines, as nc speaks, or json:// for the JSON of the
// seed's programs. An address without a scheme belongs to a peer of this program.
func ParseAddress(text string) (string, error) {
	text = strings.TrimSpace(text)
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		lower := strings.ToLower(scheme)
		if lower != "line" && lower != "json" {
			return "", fmt.Errorf("%.80q is not an address: %.20s:// is none that p2pchat speaks: write HOST:PORT, line://HOST:PORT or json://HOST:PORT", text, scheme)
		}
		addr, err := ParseAddress(rest)
		if err == nil && strings.Contains(addr, "://") {
			err = fmt.Errorf("%.80q is not an address: it has two schemes", text)
		}
		return lower + "://" + addr, err
	}
	host, port, err := split(text)
	if err != nil {
		return "", fmt.Errorf("%.80q is not an address: %w: write HOST:PORT, as in 192.168.1.31:%d", text, err, DefaultPort)
	}
	// The system refuses to dial a link-local address without its interface, with no more explanation than
	// "invalid argument".
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() && ip.IsLinkLocalUnicast() && ip.Zone() == "" {
		return "", fmt.Errorf("%s is another machine on each network: name the interface, as in [%[1]s%%eth0]:%d", ip, port)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

func split(text string) (host string, port int, err error) {
	host, port = text, DefaultPort
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if ip, notIP := netip.ParseAddr(host); notIP == nil {
		host = ip.String()
	} else if strings.Contains(text, ":") {
		var number string
		if host, number, err = net.SplitHostPort(text); err != nil {
			return "", 0, errors.New("the port is missing or there are too many colons")
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("port %.20q is not a number from 1 to 65535", number)
		}
		port = int(n)
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
