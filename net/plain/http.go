package plain

import (
	"fmt"
	"strings"
)

// A web page may make a browser send a request to any port of this machine or its network. Its first
// line is always the request line, which the page can't avoid: so it can't chat in the user's name
// (DESIGN.md §5).

// refusal is what an HTTP client gets.
const refusal = "This is a chat, not a web server.\n"

var httpRefusal = []byte(fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"+
	"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(refusal), refusal))

// isHTTP reports whether a connection's first line is an HTTP request line: a method, a target, the
// version. A script may choose any method, but not what the target begins with. whole says that line is
// all of it; of a longer one the beginning decides, where no target would have a space.
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
