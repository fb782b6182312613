// Package background decides, before anything asks the terminal, whether its background is dark.
//
// Bubble Tea v1 asks in a package init: it writes OSC 11 and reads the answer. A terminal that never
// answers (a serial line, a recorder, some multiplexers) delays the start by five seconds. Lip Gloss
// doesn't ask once the background is set, so this package sets it, in the program's only init.
//
// Go initialises packages in the order of their import paths, each as soon as its imports are ready. This
// package imports Lip Gloss and nothing of Bubble Tea, and chat.lan/… sorts before
// github.com/charmbracelet/bubbletea. Any import of this package will do: package tui has it.
//
// A later choice (a --theme flag) calls lipgloss.SetHasDarkBackground again.
package background

import (
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
)

func init() {
	lipgloss.SetHasDarkBackground(Dark(os.Getenv("COLORFGBG")))
}

// Dark reports whether a value of COLORFGBG stands for a dark background. Rxvt, Konsole and others set
// it to "foreground;background", sometimes with a word between, in numbers of the 16-colour palette:
// "15;0" is light on dark, "0;15" dark on light. An empty or unreadable value counts as dark, since most
// terminals are. Dark may be called from any goroutine.
func Dark(colorfgbg string) bool {
	last := colorfgbg[strings.LastIndexByte(colorfgbg, ';')+1:]
	n, err := strconv.Atoi(last)
	if err != nil || last == colorfgbg {
		return true
	}
	// 7 (light grey) and 9 to 15 (the bright colours) are light; 8 is dark grey.
	return n != 7 && (n < 9 || n > 15)
}
