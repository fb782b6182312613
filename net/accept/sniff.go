package accept

import (
	"fmt"
	"strings"
)

// protocol is what a connection speaks.
type protocol int

const (
	unknown protocol = iota // nothing but white space so far
	native                  // a TLS handshake
	objects                 // the seed's JSON
	lines                   // text
	garbage
)

// sniff looks at the first bytes of a connection, after skipped bytes of white space. It returns what the
// connection speaks, and the position of the byte that showed it.
func sniff(b []byte, skipped int) (p protocol, at int) {
	for i, c := range b {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		case c == 0x16 && skipped+i == 0: // a TLS handshake record; nothing may stand before it
			return native, i
		case c == '{':
			return objects, i
		case c > 0x20 && c < 0x7f, c >= 0xc2 && c <= 0xf4: // ASCII, or a UTF-8 lead byte
			return lines, i
		}
		return garbage, i
	}
	return unknown, len(b)
}

// refusal is what an HTTP client gets to read.
const refusal = "This is a chat, not a web server.\n"

var httpRefusal = []byte(fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"+
	"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(refusal), refusal))

// isHTTP reports whether a connection's first line is an HTTP request line: a method, a target, the
// version. A web page can't avoid that line: it may choose any method, but not what the target begins
// with. whole says that line is all of it. Of a longer line the beginning decides, where no target would
// have a space.
func isHTTP(line string, whole bool) bool {
	words := strings.Fields(line)
	if len(words) < 2 || strings.ContainsAny(words[0], "\"(),/:;<=>?@[\\]{}") {
		return false // not a method (RFC 9110 §9.1)
	}
	target := words[1]
	if !strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "http") && target != "*" && words[0] != "CONNECT" {
		return false
	}
	switch {
	case len(words) == 2:
		return !whole
	case len(words) > 3:
		return false
	}
	return strings.HasPrefix(words[2], "HTTP/") || !whole && strings.HasPrefix("HTTP/", words[2])
}
