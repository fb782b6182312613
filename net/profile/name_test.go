package profile

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"pgregory.net/rapid"
)

func TestDir(t *testing.T) {
	for name, want := range map[string]string{
		"alice":     "alice",
		"Alice":     "alice",
		"bob_2-x":   "bob_2-x",
		"a b":       "a%20b",
		"../up":     "%2E%2E%2Fup",
		"..":        "%2E%2E",
		"Émile":     "%C3%A9mile",
		"a%20b":     "a%2520b",
		"x\\y:z":    "x%5Cy%3Az",
		"CON.txt":   "con%2Etxt",
		"日":         "%E6%97%A5",
		"tab\there": "tab%09here",
	} {
		if got, err := Dir(name); err != nil || got != filepath.Join(xdg.DataHome, "p2pchat", want) {
			t.Errorf("Dir(%q) = %s, %v, want …/%s", name, got, err, want)
		}
	}
}

func TestDirIsOneFolderPerName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		lowerA, lowerB := strings.ToLower(a), strings.ToLower(b)
		dirA, errA := Dir(a)
		dirB, errB := Dir(b)
		if errA != nil || errB != nil || (dirA == dirB) != (lowerA == lowerB) {
			t.Fatalf("%q and %q: %s, %v and %s, %v", a, b, dirA, errA, dirB, errB)
		}
		if a != "" && filepath.Dir(dirA) != filepath.Join(xdg.DataHome, "p2pchat") {
			t.Fatalf("%q escapes: %s", a, dirA)
		}
	})
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"a", "Ann Lee", "日本", strings.Repeat("x", 64)} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "  ", strings.Repeat("x", 65), "a\x1b[31m", "a\nb", "a\x00", "\xff", "a\u0085"} {
		if CheckName(bad) == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestLoginName(t *testing.T) {
	if name := LoginName(); CheckName(name) != nil {
		t.Errorf("%q: %v", name, CheckName(name))
	}
}
