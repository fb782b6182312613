package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "chat.lan/p2pchat/"

// may lists, by prefix, which packages of ours a package may import. The longest prefix that fits a
// package rules. net/group stands below everything since all goroutines start there.
var may = map[string][]string{
	"crypto/identity": {},
	"crypto/":         {"crypto/", "net/group"},
	"vote":            {"crypto/identity"},
	"net/wire":        {"crypto/identity"},
	"net/event":       {"crypto/identity", "vote"},
	"net/group":       {},
	"net/memnet":      {},
	"net/search":      {},
	"net/":            {"net/", "crypto/", "vote"},
	"tui/cli":         {"tui", "net/", "crypto/", "vote"},
	"tui":             {"tui/", "net/event", "net/group", "net/search", "vote", "crypto/identity"},
}

// Imports point down, and only the screen knows Charm's libraries.
func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = "../../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name, ours := strings.CutPrefix(words[0], module)
		if !ours {
			continue // main may import what it joins
		}
		seen++
		allowed, rule := []string(nil), ""
		for prefix, list := range may {
			if strings.HasPrefix(name, prefix) && len(prefix) > len(rule) {
				allowed, rule = list, prefix
			}
		}
		if rule == "" {
			t.Errorf("%s has no place in the house: give it a rule here", name)
		}
		for _, path := range words[1:] {
			if strings.Contains(path, "charmbracelet") && !strings.HasPrefix(name, "tui") {
				t.Errorf("%s imports %s: only tui may", name, path)
			}
			dep, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			if dep == "net/node" && name != "tui/cli" {
				t.Errorf("%s imports net/node: only tui/cli may", name)
			}
			fits := false
			for _, prefix := range allowed {
				fits = fits || strings.HasPrefix(dep, prefix)
			}
			if !fits {
				t.Errorf("%s imports %s: it may import only %q", name, dep, allowed)
			}
		}
	}
	if seen < 15 {
		t.Fatalf("go list named only %d packages of ours", seen)
	}
}
