package wire

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Record frames are the most frequent ones. Without encoding/json, reading and writing them in our own
// encoder's form takes a quarter of the time. Any other form is left to encoding/json.

// appendRecord appends r as encoding/json writes it. It reports false if r has a rare character or no
// signature.
func appendRecord(dst []byte, r Record) ([]byte, bool) {
	if r.Sig == nil {
		return nil, false // null
	}
	dst = append(dst, `{"body":"`...)
	start := 0 // where the part begins that dst lacks
	for i := 0; i < len(r.Body); {
		c := r.Body[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(append(dst, r.Body[start:i]...), '\\')
			start = i
			i++
		case c < 0x20:
			return nil, false
		case c < utf8.RuneSelf:
			i++
		default:
			char, n := utf8.DecodeRuneInString(r.Body[i:])
			if char == utf8.RuneError && n == 1 || char == '\u2028' || char == '\u2029' {
				return nil, false
			}
			i += n
		}
	}
	dst = append(append(dst, r.Body[start:]...), `","sig":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, r.Sig)
	return append(dst, `"}`...), true
}

// scanRecord reads the form that appendRecord writes, and reports false for any other, valid or not. It
// keeps no reference to content, which must be UTF-8.
func scanRecord(content []byte) (Record, bool) {
	rest, ok := bytes.CutPrefix(content, []byte(`{"body":"`))
	if !ok {
		return Record{}, false
	}
	var body strings.Builder
	body.Grow(len(rest))
	i := 0
	for ; i < len(rest) && rest[i] != '"'; i++ {
		switch c := rest[i]; {
		case c < 0x20:
			return Record{}, false
		case c == '\\':
			if i+1 == len(rest) || rest[i+1] != '"' && rest[i+1] != '\\' {
				return Record{}, false
			}
			body.Write(rest[:i])
			rest = rest[i+1:] // begins with the escaped character, which i skips
			i = 0
		}
	}
	body.Write(rest[:i])
	rest, ok = bytes.CutPrefix(rest[i:], []byte(`","sig":"`))
	if !ok {
		return Record{}, false
	}
	if rest, ok = bytes.CutSuffix(rest, []byte(`"}`)); !ok {
		return Record{}, false
	}
	// base64 skips line ends, which JSON does not allow in a string.
	if bytes.ContainsAny(rest, "\r\n") {
		return Record{}, false
	}
	sig, err := base64.StdEncoding.AppendDecode(make([]byte, 0, 66), rest)
	if err != nil {
		return Record{}, false
	}
	return Record{Body: body.String(), Sig: sig}, true
}
