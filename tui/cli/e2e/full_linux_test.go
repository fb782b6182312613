package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// On a full disk the chat goes on and says that nothing is saved; when there is room again, all of it is.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a small file system")
	}
	cmd, home := neighboursAt(t)
	small := filepath.Join(home, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("can't make a small file system here: ", err)
	}
	t.Cleanup(func() { unix.Unmount(small, unix.MNT_DETACH) })
	profile := filepath.Join(small, "profile")
	ann, bob := begin(t, cmd("Ann", "--profile", profile)), begin(t, cmd("Bob"))
	ann.sees("up", bob)
	bob.sees("up", ann)
	ann.says("while there is room")
	bob.hears(ann, "while there is room")

	stuff := filepath.Join(small, "stuff")
	f, err := os.Create(stuff)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 4096); err == nil; {
		_, err = f.Write(chunk)
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	padding := strings.Repeat("x", 4000)
	for i := range 100 {
		text := fmt.Sprint(i, padding)
		ann.says(text)
		bob.hears(ann, text)
	}
	saving := func(saved string) func(happened) bool {
		return func(h happened) bool { return h.Event == "saving" && strings.Contains(h.raw, `"saved":`+saved) }
	}
	ann.next = 0
	not := ann.until("word that nothing is saved", saving("false"))
	if !strings.Contains(not.raw, "no space") {
		t.Errorf("said %s", not.raw)
	}
	bob.says("still here?")
	ann.hears(bob, "still here?")
	if err := os.Remove(stuff); err != nil {
		t.Fatal(err)
	}
	ann.next = 0
	ann.until("word that nothing is saved", saving("false"))
	ann.until("word that it is saved again", saving("true"))
	ann.quits()
	code, out, errs := finish(t, program(t, home, "export", "--profile", profile))
	if want := exported(t, home, "Bob"); code != 0 || errs != "" || out != want {
		t.Errorf("exit %d, %q, %d bytes exported, want %d", code, errs, len(out), len(want))
	}
	bob.quits()
}

// An export that finds no room says so once.
func TestExportOntoAFullDisk(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	aLineOf(t, home, "Ann")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	export := program(t, home, "export", "--name", "Ann")
	var errs bytes.Buffer
	export.Stdout, export.Stderr = full, &errs
	_ = export.Run()
	if code := export.ProcessState.ExitCode(); code != exitError || strings.Count(errs.String(), "no space left") != 1 {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
}

// A second program on a profile is told so at once.
func TestSecondProgramOnAProfile(t *testing.T) {
	cmd, _ := neighboursAt(t)
	first := begin(t, cmd("Ann"))
	began := time.Now()
	code, _, errs := finish(t, cmd("Ann"))
	took := time.Since(began)
	if code != exitError || !strings.Contains(errs, "in use") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, %q", code, errs)
	}
	soon(t, "refused", began, began.Add(took), 200*time.Millisecond)
	first.quits()
}
