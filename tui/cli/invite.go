package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"chat.lan/p2pchat/net/discovery"
)

// maxProgramName is the longest path that is worth showing as the way to call this program, in bytes.
const maxProgramName = 32

// inviteCommand returns the command that starts a second peer which finds this peer: its flags for the
// room and for discovery are the same.
func (f *flags) inviteCommand(program string) string {
	words := []string{program, "start"}
	if f.room != defaultRoom {
		words = append(words, "--room", quoteForShell(f.room))
	}
	for _, name := range f.interfaces {
		words = append(words, "--interface", quoteForShell(name))
	}
	if f.discoveryPort != discovery.Port {
		words = append(words, "--discovery-port", strconv.Itoa(f.discoveryPort))
	}
	return strings.Join(words, " ")
}

// programName returns what to type to call this program again.
func programName() string {
	executable, _ := os.Executable() // "" when it is unknown
	return programNameFor(executable, os.Args[0])
}

// programNameFor returns what to type to call a program again that was called by arg0. A long path is
// cut to the program's name.
func programNameFor(executable, arg0 string) string {
	separator := string(filepath.Separator)
	switch {
	case strings.Contains(executable, separator+"go-build"): // where go run builds
		return "go run ."
	case strings.Contains(arg0, separator) && len(arg0) <= maxProgramName:
		return quoteForShell(arg0)
	}
	return "p2pchat"
}

// quoteForShell quotes a word when a shell would not take it as it is.
func quoteForShell(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:+@%", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
