package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var kills = flag.Int("kills", 20, "how often TestKilledWhileWriting kills")

// Somebody who talks is killed again and again, at any moment. What a peer has heard of it is never lost,
// and no place is given twice: in the end both have the same room.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	n := *kills
	if testing.Short() {
		n = min(n, 3)
	}
	cmd, home := neighboursAt(t)
	watcher := begin(t, cmd("Watcher"))
	rng := rand.New(rand.NewPCG(1, 2))
	said := 0
	for range n {
		talker := begin(t, cmd("Talker"))
		talker.sees("up", watcher)
		heard := said + 1 + rng.IntN(30)
		for ; said < heard+20; said++ {
			talker.says(fmt.Sprint("line ", said))
		}
		watcher.hears(talker, fmt.Sprint("line ", heard))
		any := time.Duration(rng.IntN(150)) * time.Millisecond // before, in and after a commit
		if h, ok := talker.within(any, &talker.next, func(h happened) bool { return h.Event == "error" }); ok {
			t.Errorf("before it is killed: %s", h.raw)
		}
		talker.cmd.Process.Kill()
		talker.cmd.Wait()
		watcher.sees("lost", talker)
	}
	talker := begin(t, cmd("Talker"))
	talker.sees("up", watcher)
	talker.says("the last")
	watcher.hears(talker, "the last")
	all := map[string]int{}
	for _, text := range contents(watcher.all()) {
		all[text]++
	}
	for text, times := range all {
		if times != 1 {
			t.Errorf("%q was heard %d times", text, times)
		}
	}
	want := exported(t, home, "Watcher")
	settled(t, home, "Talker", want)
	if lines := strings.Count(want, `\"kind\":\"chat\"`); lines != len(all) {
		t.Errorf("%d lines on disk, %d were heard", lines, len(all))
	}
	path := filepath.Join(home, "export")
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := finish(t, program(t, home, "verify", path))
	if code != 0 || strings.Contains(out, "missing") || !strings.Contains(out, fmt.Sprintf("in %d feeds", n+1)) {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
	talker.quits()
	watcher.quits()
}
