package tui

import (
	"os"
	"strings"
	"testing"
)

// Keys that terminals and multiplexers use otherwise.
var neverBound = []string{"ctrl+s", "ctrl+q", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+m"}

func TestKeysAreBoundOnce(t *testing.T) {
	type place struct {
		in  section
		key string
	}
	seen := map[place]bool{}
	for _, b := range keyTable() {
		if b.run == nil || (b.Help().Key == "") != (b.Help().Desc == "") {
			t.Errorf("%q lacks a part", b.Keys())
		}
		for _, key := range b.Keys() {
			if _, ok := keyNames[key]; !ok && len(strings.TrimPrefix(key, "alt+")) != 1 {
				t.Errorf("no terminal sends %q", key)
			}
			if seen[place{b.in, key}] {
				t.Errorf("%q is bound twice in %q", key, b.in)
			}
			seen[place{b.in, key}] = true
			for _, never := range neverBound {
				if key == never {
					t.Errorf("%q is not ours to bind", key)
				}
			}
		}
	}
}

// No key panics and none but Ctrl+C ends the program, whatever is open, and the screen stays whole.
func TestEveryKeyEverywhere(t *testing.T) {
	at := [][2]int{{40, 11}, {80, 24}}
	if testing.Short() {
		at = at[:1]
	}
	for _, open := range [][]string{{}, {"text"}, {"?"}, {"ctrl+f", "in"}, {"ctrl+up"}, {"ctrl+up", "i"}, {"f6"}, {"f6", "enter"}, {"f5"}, {"/"}} {
		for _, b := range keyTable() {
			for _, key := range b.Keys() {
				for _, size := range at {
					w := newWorld(t, plain, size[0], size[1])
					company(w)
					w.keys(open...)
					w.frame()
					w.keys(key)
					w.frame()
					w.keys(key, "x")
					w.frame()
					if w.quit && key != "ctrl+c" {
						t.Fatalf("%q ended the program with %q open", key, open)
					}
				}
			}
		}
	}
}

// The README's tables come from the code.
func TestReadmeListsKeysAndCommands(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]string{"keys": keysMarkdown(), "screen commands": commandsMarkdown()} {
		for row := range strings.Lines(table) {
			if !strings.Contains(string(readme), row) {
				t.Errorf("README.md lacks a row of the %s; the whole table is\n%s", name, table)
				break
			}
		}
	}
}

// keysMarkdown returns the table of keys as the README shows it.
func keysMarkdown() string {
	var b strings.Builder
	last := section("")
	for _, k := range keyTable() {
		h := k.Help()
		if h.Desc == "" {
			continue
		}
		if k.in != last {
			if last != "" {
				b.WriteString("\n")
			}
			b.WriteString("| " + string(k.in) + " | |\n| --- | --- |\n")
			last = k.in
		}
		b.WriteString("| " + h.Key + " | " + h.Desc + " |\n")
	}
	return b.String()
}

// commandsMarkdown returns the table of the screen's own commands as the README shows it.
func commandsMarkdown() string {
	var b strings.Builder
	for _, c := range screenCommands(func(any) {}) {
		b.WriteString("| `" + strings.ReplaceAll(c.Usage(), "|", `\|`) + "` | " + c.Help + " |\n")
	}
	return b.String()
}
