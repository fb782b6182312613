package wire

import (
	"bytes"
	"strconv"
)

// In a room where nothing happens nearly all frames are pings without hashes, and pongs. Both are read and written
// without encoding/json, which would also grow the stacks of the goroutines that wait most of the time.

const (
	pingHead  = `{"n":`
	pingStamp = `,"stamp":`
)

// appendPing appends a Ping without hashes, or a Pong, as encoding/json writes it.
func appendPing(dst []byte, tag string, p Pong) []byte {
	dst = append(append(append(dst, `{"`...), tag...), `":`+pingHead...)
	dst = strconv.AppendUint(dst, p.N, 10)
	dst = strconv.AppendInt(append(dst, pingStamp...), p.Stamp, 10)
	return append(dst, "}}"...)
}

// scanPing reads the form that appendPing writes, of stamps that aren't negative. It reports false for any other, valid
// or not.
func scanPing(content []byte) (p Pong, ok bool) {
	rest, ok := bytes.CutPrefix(content, []byte(pingHead))
	if !ok {
		return Pong{}, false
	}
	n, stamp, ok := bytes.Cut(rest, []byte(pingStamp))
	if !ok {
		return Pong{}, false
	}
	stamp, ok = bytes.CutSuffix(stamp, []byte("}"))
	if !ok || !isNumber(n) || !isNumber(stamp) {
		return Pong{}, false
	}
	var errN, errStamp error
	p.N, errN = strconv.ParseUint(string(n), 10, 64)
	p.Stamp, errStamp = strconv.ParseInt(string(stamp), 10, 64)
	return p, errN == nil && errStamp == nil
}

// isNumber reports whether text is a number without sign, as JSON has it.
func isNumber(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) == 1 || len(text) > 1 && text[0] != '0'
}
