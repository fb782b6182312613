package e2e

import (
	"archive/zip"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var earlier = flag.String("earlier", "5e9b7ab", "the commit that TestEarlierVersion builds and compares with")

// buildEarlier builds the program as it was at a commit and returns its path. It skips the test where
// the commit is missing, as in a shallow clone.
func buildEarlier(t *testing.T, commit string) string {
	t.Helper()
	dir := t.TempDir()
	archive, source, path := filepath.Join(dir, "source.zip"), filepath.Join(dir, "source"), filepath.Join(dir, "earlier")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	git := func(args ...string) error { // the checkout may belong to another user
		out, err := exec.Command("git", append([]string{"-c", "safe.directory=*", "-C", "../../.."}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
		return nil
	}
	if err := git("cat-file", "-e", commit+"^{commit}"); err != nil {
		t.Skipf("the commit %s is not in this clone, so there is no version to compare with: %v", commit, err)
	}
	if err := git("archive", "--format=zip", "--output="+archive, commit+":"); err != nil {
		t.Fatal(err)
	}
	files, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if err := os.CopyFS(source, files); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".")
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v: %s", commit, err, out)
	}
	return path
}

// A profile that the earlier version wrote opens with everything in it. Both versions talk in one room,
// catch up from each other, decide a vote together, and verify each other's files.
func TestEarlierVersion(t *testing.T) {
	t.Parallel()
	before, home := buildEarlier(t, *earlier), t.TempDir()
	asEarlier := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Path, cmd.Args[0] = before, before
		return cmd
	}
	start := func(name string, to *peer) *exec.Cmd {
		args := alone("--name", name, "--history", "100")
		if to != nil {
			args = append(args, "--connect", fmt.Sprint("127.0.0.1:", to.ready.Port))
		}
		return program(t, home, args...)
	}
	run := func(cmd *exec.Cmd) string {
		code, out, errs := finish(t, cmd)
		if code != 0 || errs != "" {
			t.Errorf("%q: exit %d, stderr %q", cmd.Args, code, errs)
		}
		return out
	}

	// The earlier version writes Ann's profile: messages, a vote, a verified and an ignored peer.
	ann := begin(t, asEarlier(start("Ann", nil)))
	ben := begin(t, asEarlier(start("Ben", ann)))
	ann.sees("up", ben)
	ben.sees("up", ann)
	said := []string{"from Ann", "from Ben <&> ✓"}
	ann.says(said[0])
	ben.hears(ann, said[0])
	ben.says(said[1])
	ann.hears(ben, said[1])
	ann.says("/topic lunch at noon")
	ben.outcome("#1", "open", 1, 0)
	ben.says("/vote #1 yes")
	ann.outcome("#1", "passed", 2, 0)
	ben.outcome("#1", "passed", 2, 0)
	cem := begin(t, asEarlier(start("Cem", ann)))
	ann.sees("up", cem)
	ann.says("/verify Ben yes", "/ignore Cem", "/list")
	noted := ann.until("the list", func(h happened) bool { return h.Event == "list" })
	if strings.Count(noted.raw, `"verified":true`) != 1 || strings.Count(noted.raw, `"ignored":true`) != 1 {
		t.Fatalf("the earlier version notes %s", noted.raw)
	}
	key := ann.ready.Key
	for _, p := range []*peer{cem, ben, ann} {
		p.quits()
	}
	first := run(asEarlier(program(t, home, "export", "--name", "Ann")))

	// Today's version opens it.
	if today := exported(t, home, "Ann"); today != first || strings.Count(today, "\n") < 4 {
		t.Errorf("today's export has %d bytes, the earlier one %d", len(today), len(first))
	}
	ann = begin(t, start("Ann", nil))
	if ann.ready.Key != key {
		t.Errorf("Ann's key is %s, not %s", ann.ready.Key, key)
	}
	if got := history(ann, len(said)); !slices.Equal(got, said) {
		t.Errorf("Ann's history is %q, not %q", got, said)
	}
	ann.next = 0
	ann.until("the topic", func(h happened) bool { return h.Event == "policy" && h.Slot == "topic" && h.Value == "lunch at noon" })
	ben = begin(t, asEarlier(start("Ben", ann)))
	if h := ann.sees("up", ben); !strings.Contains(h.raw, `"verified":true`) {
		t.Errorf("Ben is no longer verified: %s", h.raw)
	}
	ben.sees("up", ann)
	cem = begin(t, asEarlier(start("Cem", ann)))
	if h := ann.sees("up", cem); !strings.Contains(h.raw, `"ignored":true`) {
		t.Errorf("Cem is no longer ignored: %s", h.raw)
	}
	cem.sees("up", ann)
	cem.sees("up", ben)

	// Both versions talk and vote.
	ann.says("today's words")
	ben.hears(ann, "today's words")
	ben.says("earlier words")
	ann.hears(ben, "earlier words")
	ann.says("/propose --for 10m no unsigned messages")
	ben.outcome("#2", "open", 1, 0)
	ben.says("/vote #2 yes")
	for _, p := range []*peer{ann, ben, cem} {
		p.outcome("#2", "passed", 2, 0)
		p.policy("on")
	}
	cem.quits()

	// Each version catches up from the other.
	ben.quits()
	ann.sees("left", ben)
	ann.says("while Ben was away")
	missed := ann.until("the echo", func(h happened) bool { return h.Event == "sent" && h.Content == "while Ben was away" })
	ben = begin(t, asEarlier(start("Ben", ann)))
	ben.hears(ann, "while Ben was away")
	ann.next = 0
	ann.until("the acknowledgement", func(h happened) bool { return h.Event == "delivered" && h.ID == missed.ID })
	ann.quits()
	ben.sees("left", ann)
	ben.says("while Ann was away")
	ben.until("the echo", func(h happened) bool { return h.Event == "sent" && h.Content == "while Ann was away" })
	ann = begin(t, start("Ann", ben))
	ann.hears(ben, "while Ann was away")
	ben.sees("up", ann)

	// Each version verifies the other's certificate and export.
	file := func(name string) string { return filepath.Join(home, name) }
	for name, p := range map[string]*peer{"today.proof": ann, "earlier.proof": ben} {
		p.says("/proof #2 " + file(name))
		p.until("the certificate", func(h happened) bool { return h.Event == "info" && strings.Contains(h.Text, file(name)) })
	}
	ann.quits()
	ben.quits()
	exports := map[string]string{"today.export": exported(t, home, "Ann"), "earlier.export": run(asEarlier(program(t, home, "export", "--name", "Ben")))}
	if exports["today.export"] != exports["earlier.export"] {
		t.Errorf("the versions export %d and %d bytes of one room", len(exports["today.export"]), len(exports["earlier.export"]))
	}
	for name, text := range exports {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"proof", "export"} {
		ours := run(program(t, home, "verify", file("earlier."+name)))
		if theirs := run(asEarlier(program(t, home, "verify", file("today."+name)))); ours != theirs {
			t.Errorf("verify of a %s prints\n%s\nand the earlier version\n%s", name, ours, theirs)
		}
	}
}

// outcome waits until a peer reports a proposal in a state with this many votes on each side.
func (p *peer) outcome(label, state string, yes, no int) happened {
	p.t.Helper()
	return p.until(label+" "+state, func(h happened) bool {
		return h.Event == "proposal" && h.Label == label && h.State == state && h.Yes == yes && h.No == no
	})
}

// policy waits until a peer reports this value of secure-only.
func (p *peer) policy(value string) happened {
	p.t.Helper()
	return p.until("policy "+value, func(h happened) bool { return h.Event == "policy" && h.Slot == "secure_only" && h.Value == value })
}
