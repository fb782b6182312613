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

// DefaultPort is where peers listen unless they are told otherwise (DESIGN.md §5).
const DefaultPort = 8080

// maxHost is the longest host name (RFC 1035 §2.3.4), with room for a zone.
const maxHost = 300

// Address makes HOST:PORT of what a person typed: a name or an IP address, with a port or without
// (then DefaultPort). IPv6 addresses may be bare where no port follows. The host isn't looked up.
func Address(text string) (string, error) {
	host, port, err := split(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("%.80q is not an address: %w: write HOST:PORT, as in 192.168.1.31:%d", text, err, DefaultPort)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
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
		if port, err = Port(number); err != nil {
			return "", 0, err
		}
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
func Port(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %.20q is not a number from 1 to 65535", text)
	}
	return int(n), nil
}
