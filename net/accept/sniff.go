package accept

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
