package wire

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// A Record frame is what there is most of. In the form that our encoder gives it, it is written and
// read here without encoding/json, in a quarter of the time; in any other form encoding/json does it.

// appendRecord writes r as encoding/json does; false if there is anything unusual in it.
func appendRecord(dst []byte, r Record) ([]byte, bool) {
	if r.Sig == nil {
		return nil, false // null
	}
	dst = append(dst, `{"body":"`...)
	start := 0 // of what is not written yet
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

// scanRecord reads what appendRecord writes; false for anything else, good or bad. It keeps nothing
// of content, which must be UTF-8.
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
			rest = rest[i+1:] // begins with the escaped character, which i steps over
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
