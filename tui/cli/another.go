package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"chat.lan/p2pchat/net/discovery"
)

// maxCalled is the longest path that is worth showing as the way to call this program, in bytes.
const maxCalled = 32

// called is what to type to call this program once more: as it was called, as far as that can be told.
func called(executable, arg0 string) string {
	separator := string(filepath.Separator)
	switch {
	case strings.Contains(executable, separator+"go-build"): // where go run builds
		return "go run ."
	case strings.Contains(arg0, separator) && len(arg0) <= maxCalled:
		return shellWord(arg0)
	}
	return "p2pchat"
}

// calledHere is called for this process.
func calledHere() string {
	executable, err := os.Executable()
	if err != nil {
		executable = ""
	}
	return called(executable, os.Args[0])
}

// another is what starts somebody who meets this one: what decides about where to look is the same.
func (o *options) another(program string) string {
	words := []string{program, "start"}
	if o.room != defaultRoom {
		words = append(words, "--room", shellWord(o.room))
	}
	for _, name := range o.interfaces {
		words = append(words, "--interface", shellWord(name))
	}
	if o.discoveryPort != discovery.Port {
		words = append(words, "--discovery-port", strconv.Itoa(o.discoveryPort))
	}
	return strings.Join(words, " ")
}

// shellWord is a word as a shell takes it for one.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:+@%", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
