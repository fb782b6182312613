//go:build !windows

package profile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Without a home folder the profile doesn't land in the root of the disk: the user is asked for a folder.
func TestNoHomeFolder(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_DATA_HOME", "")
	for _, home := range []string{"", "relative"} {
		t.Setenv("XDG_DATA_HOME", home)
		if dir, err := Dir("alice"); err == nil || !strings.Contains(err.Error(), "--profile") {
			t.Errorf("XDG_DATA_HOME=%q: %q, %v", home, dir, err)
		}
		if _, _, err := OpenFree("alice"); err == nil || !strings.Contains(err.Error(), "--profile") {
			t.Errorf("XDG_DATA_HOME=%q: %v", home, err)
		}
	}
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	if dir, err := Dir("alice"); err != nil {
		t.Errorf("%q, %v", dir, err)
	}
}

// Who opens somebody else's profile is told whose it is.
func TestProfileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	const other = 54321
	dir := filepath.Join(t.TempDir(), "alice")
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings()) != 0 {
		t.Errorf("warnings about our own profile: %q", p.Warnings())
	}
	p.Close()
	if err := os.Chown(dir, other, other); err != nil {
		t.Fatal(err)
	}
	if p, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if w := p.Warnings(); len(w) != 1 || !strings.Contains(w[0], "user 54321") {
		t.Errorf("warnings of root in the profile of another user: %q", w)
	}

	// The other way round: a user in a profile of root. The test binary runs as that user from a folder that it may read.
	shared := t.TempDir()
	for at := shared; len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(shared, "program")
	bytes, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, bytes, 0o755); err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(shared, "root")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), holdEnv+"="+private)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, Gid: other}}
	if out, err := cmd.Output(); err == nil || !strings.Contains(string(out), "belongs to root") || !strings.Contains(string(out), "--profile") {
		t.Errorf("%q, %v", out, err)
	}
}
