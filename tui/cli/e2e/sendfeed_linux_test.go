package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// feedsOf returns how many messages each feed of a name has, in the order in which the feeds come in an export.
func feedsOf(t *testing.T, home, reader, author string) (counts []int) {
	t.Helper()
	code, out, errs := finish(t, program(t, home, "export", "--name", reader))
	if code != 0 {
		t.Fatalf("exit %d, %s", code, errs)
	}
	var feeds []string
	mine := map[string]bool{}
	for line := range strings.Lines(out) {
		var r struct{ Body string }
		var b struct {
			Feed, Kind string
			Data       struct{ Name string }
		}
		if json.Unmarshal([]byte(line), &r) != nil || json.Unmarshal([]byte(r.Body), &b) != nil {
			t.Fatalf("exported %s", line)
		}
		if b.Kind == "open" && b.Data.Name == author {
			mine[b.Feed] = true
			feeds, counts = append(feeds, b.Feed), append(counts, 0)
		}
		if mine[b.Feed] && b.Kind == "chat" {
			counts[slices.Index(feeds, b.Feed)]++
		}
	}
	return counts
}

// One send after the other goes on with one feed. A send that is killed, a restored profile and a copy of one open
// another, and no peer ever sees two records in one place.
func TestSendGoesOnWithItsFeed(t *testing.T) {
	t.Parallel()
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Skip("this machine has no /dev/shm in memory")
	}
	memory, err := os.MkdirTemp("/dev/shm", "p2pchat-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(memory) })
	neighbour, home := neighboursAt(t)
	alice := begin(t, neighbour("Alice"))
	sent := 0
	send := func(text string) *exec.Cmd {
		c := neighbour("Bob", "--wait", "30s")
		c.Args[slices.Index(c.Args, "start")] = "send"
		c.Args = append(c.Args, text)
		c.Env = append(c.Env, "XDG_RUNTIME_DIR="+memory)
		return c
	}
	sends := func(n int) {
		t.Helper()
		for range n {
			sent++
			text := fmt.Sprint("message ", sent)
			if code, _, errs := finish(t, send(text)); code != 0 || errs != "" {
				t.Fatalf("exit %d, %q", code, errs)
			}
			alice.until(text, func(h happened) bool { return h.Event == "message" && h.Content == text })
		}
	}
	profile := home + "/p2pchat/bob"
	copyProfile := func(from, to string) {
		t.Helper()
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(to, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sends(20)
	backup := t.TempDir() + "/backup"
	copyProfile(profile, backup)

	killed := send("killed")
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	alice.until("the message of the killed one", func(h happened) bool { return h.Content == "killed" })
	killed.Process.Kill()
	killed.Wait()
	sends(3)

	copyProfile(backup, profile) // as it was before the kill
	sends(2)
	alice.quits()
	if slices.ContainsFunc(alice.all(), func(h happened) bool { return strings.Contains(h.raw, "two different") }) {
		t.Error("a fork was seen")
	}
	got := feedsOf(t, home, "Alice", "Bob")
	// The killed one may have got to its end.
	if slices.Sort(got); !slices.Equal(got, []int{2, 3, 21}) && !slices.Equal(got, []int{2, 24}) {
		t.Errorf("feeds of %v messages", got)
	}
}

// Without a folder for the machine's run, each send opens a feed.
func TestSendWithoutRuntimeFolder(t *testing.T) {
	t.Parallel()
	neighbour, home := neighboursAt(t)
	alice := begin(t, neighbour("Alice"))
	for i := range 3 {
		c := neighbour("Bob", "--wait", "30s")
		c.Args[slices.Index(c.Args, "start")] = "send"
		c.Args = append(c.Args, fmt.Sprint("message ", i))
		c.Env = append(c.Env, "XDG_RUNTIME_DIR=")
		if code, _, errs := finish(t, c); code != 0 || errs != "" {
			t.Fatalf("exit %d, %q", code, errs)
		}
	}
	alice.until("the last", func(h happened) bool { return h.Content == "message 2" })
	alice.quits()
	if got := feedsOf(t, home, "Alice", "Bob"); !slices.Equal(got, []int{1, 1, 1}) {
		t.Errorf("feeds of %v messages", got)
	}
}
