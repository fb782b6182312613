package demo

import (
	"strings"
	"testing"
)

func TestInstallCommand(t *testing.T) {
	for _, c := range []struct {
		has  string
		root bool
		want string
	}{
		{"apt-get", false, "sudo apt-get install tmux"},
		{"apt-get", true, "apt-get install tmux"},
		{"dnf yum", false, "sudo dnf install tmux"},
		{"pacman", false, "sudo pacman -S tmux"},
		{"brew", false, "brew install tmux"},
		{"brew", true, "brew install tmux"},
		{"", false, ""},
	} {
		got := installCommand(func(program string) bool {
			for _, p := range strings.Fields(c.has) {
				if p == program {
					return true
				}
			}
			return false
		}, c.root)
		if got != c.want {
			t.Errorf("with %q, root %v: %q, want %q", c.has, c.root, got, c.want)
		}
	}
}

func TestNoTmuxError(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows", "plan9"} {
		text := noTmuxError(system, "go run .").Error()
		if !strings.Contains(text, "go run . demo --no-tmux") || strings.Contains(text, "\n") {
			t.Errorf("%s: %q", system, text)
		}
	}
}

func TestTmuxVersions(t *testing.T) {
	for version, old := range map[string]bool{
		"tmux 1.8\n": true, "tmux 2.9a\n": true, "tmux 3.0\n": false, "tmux 3.3a\n": false, "tmux 10.1\n": false,
		"tmux next-3.6\n": false, "tmux next-2.9\n": true, "tmux master\n": false, "tmux openbsd-7.6\n": false, "": false,
	} {
		if got := tooOld(version); got != old {
			t.Errorf("%q too old: %v", version, got)
		}
	}
}

// Three in 80×24 keep their 11 rows: there the titles go.
func TestTitlesFit(t *testing.T) {
	for _, c := range []struct {
		n, rows int
		want    bool
	}{
		{2, 23, false}, {2, 24, true}, {3, 23, false}, {3, 24, true}, {4, 24, true}, {5, 24, false}, {5, 36, true}, {6, 35, false}, {6, 36, true},
	} {
		if got := titlesFit(c.n, c.rows); got != c.want {
			t.Errorf("%d peers in %d rows: %v", c.n, c.rows, got)
		}
	}
}

func TestTooSmall(t *testing.T) {
	for _, c := range []struct {
		n, columns, rows int
		want             bool
	}{
		{3, 80, 23, false}, {4, 80, 23, false}, {5, 80, 23, true}, {6, 80, 23, true}, {6, 80, 26, false},
		{3, 73, 23, false}, {3, 72, 23, true}, {2, 40, 17, false}, {2, 40, 16, true},
	} {
		if got := tooSmall(c.n, c.columns, c.rows); got != c.want {
			t.Errorf("%d peers in %d×%d: %v", c.n, c.columns, c.rows, got)
		}
	}
}

func TestScript(t *testing.T) {
	for n := MinPeers; n <= MaxPeers; n++ {
		heard := make(map[string]bool)
		for _, s := range script(n) {
			if s.who < 0 || s.who >= n {
				t.Errorf("%q is said by %d of %d", s.text, s.who, n)
			}
			if len(s.text) > 32 || s.caption == "" {
				t.Errorf("%q doesn't fit in 40 columns, or has no caption", s.text)
			}
			if !s.silent && (heard[s.heard()] || s.heard() == "") {
				t.Errorf("%q can't be distinguished from another line", s.text)
			}
			heard[s.heard()] = true
		}
	}
}

func TestNumberOfPeers(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 7} {
		if err := Run(nil, Config{Peers: n}); err == nil {
			t.Errorf("%d peers: no error", n)
		}
	}
}
