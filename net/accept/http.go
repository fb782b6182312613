package accept

import (
	"fmt"
	"strings"
)

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
