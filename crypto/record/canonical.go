package record

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoding/json writes the canonical form too, without HTML escapes. Hand-written code takes a tenth of
// the time, and every reader encodes each record to compare. The tests hold it equal to encoding/json.

// appendBody appends b's canonical form. The data of kinds that this package reads is canonical
// already, because check compares it. Other data is compacted and must be one JSON value.
func appendBody(dst []byte, b *Body) ([]byte, error) {
	dst = append(dst, `{"v":`...)
	dst = strconv.AppendInt(dst, int64(b.V), 10)
	dst = append(dst, `,"room":"`...)
	dst = hex.AppendEncode(dst, b.Room[:])
	dst = append(dst, `","author":"`...)
	dst, _ = b.Author.AppendText(dst) // never fails
	dst = append(dst, `","feed":"`...)
	dst = appendFeed(dst, b.Feed)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, b.Seq, 10)
	dst = append(dst, `,"prev":"`...)
	dst = hex.AppendEncode(dst, b.Prev[:])
	dst = append(dst, `","time":`...)
	dst = appendTime(dst, b.Time)
	dst = append(dst, `,"kind":`...)
	dst = appendString(dst, string(b.Kind))
	dst = append(dst, `,"data":`...)
	if b.Kind.traits().key != "" {
		dst = append(dst, b.Data...)
	} else {
		var compact bytes.Buffer
		if err := json.Compact(&compact, b.Data); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		dst = append(dst, compact.Bytes()...)
	}
	return append(dst, '}'), nil
}

func appendFeed(dst []byte, f Feed) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(f))
	return hex.AppendEncode(dst, b[:])
}

func appendTime(dst []byte, t Time) []byte {
	dst = append(dst, '[')
	dst = strconv.AppendInt(dst, t.Ms, 10)
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, t.N, 10)
	return append(dst, ']')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string by rule 3, with \ufffd for invalid UTF-8. U+2028 and
// U+2029 are escaped because they once broke JavaScript.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0 // the first byte that is not written yet
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(append(dst, s[start:i]...), '\\')
			if k := strings.IndexByte("\"\\\b\f\n\r\t", c); k >= 0 {
				dst = append(dst, `"\bfnrt`[k])
			} else {
				dst = append(dst, 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + n
		case r == '\u2028' || r == '\u2029':
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&15])
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), '"')
}

// appendData appends {"key":"value"}, the data of all kinds that this package reads.
func appendData(dst []byte, key, value string) []byte {
	dst = append(append(append(dst, `{"`...), key...), `":`...)
	return append(appendString(dst, value), '}')
}
