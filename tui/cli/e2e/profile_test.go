package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Two machines with one copied profile: the newer goes on, the older is told and stops, and nobody
// sees them take turns.
func TestACopiedProfile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 12 s")
	}
	t.Parallel()
	cmd := neighbours(t)
	dir, other := t.TempDir(), t.TempDir()
	watcher := begin(t, cmd("Watcher"))
	older := begin(t, cmd("Ann", "--profile", dir))
	watcher.sees("up", older)
	older.sees("up", watcher)
	key, err := os.ReadFile(filepath.Join(dir, "identity.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "identity.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	newer := begin(t, cmd("Ann", "--profile", other))
	if newer.ready.ID != older.ready.ID {
		t.Fatalf("%s is another than %s", newer.ready.ID, older.ready.ID)
	}
	newer.sees("up", watcher)
	told := older.until("word of the newer", func(h happened) bool { return h.Event == "error" })
	if !strings.Contains(told.Text, "elsewhere") || !strings.Contains(told.Hint, "--profile") {
		t.Errorf("the older is told %+v", told)
	}
	watcher.until("new address", func(h happened) bool {
		return h.State == "up" && h.ID == newer.ready.ID && strings.HasSuffix(h.Addr, ":"+strconv.Itoa(newer.ready.Port))
	})
	// Two rounds of beacons, in which the older could come back.
	if h, ok := watcher.within(12*time.Second, &watcher.next, func(h happened) bool { return h.Event == "peer" }); ok {
		t.Errorf("the watcher sees %+v", h)
	}
	watcher.says("who is there?")
	newer.hears(watcher, "who is there?")
	newer.says("me")
	watcher.hears(newer, "me")
	if heard := older.quits(); len(heard) != 0 {
		t.Errorf("the older heard %q after it was told to stop", heard)
	}
	newer.says("still me")
	watcher.hears(newer, "still me")
}

// A program that was killed and is started again at once is back at once, with nothing lost.
func TestKilledAndStartedAgain(t *testing.T) {
	cmd := neighbours(t)
	watcher := begin(t, cmd("Watcher"))
	var runs []string
	for _, text := range []string{"one", "two", "three"} {
		p := begin(t, cmd("Ann"))
		h := watcher.sees("up", p)
		soon(t, "seen", p.ready.at, h.at, 2*time.Second)
		p.says(text)
		watcher.hears(p, text)
		runs = append(runs, p.ready.ID)
		p.cmd.Process.Kill()
		p.end()
	}
	if runs[0] != runs[1] || runs[1] != runs[2] {
		t.Errorf("ids %q", runs)
	}
}
