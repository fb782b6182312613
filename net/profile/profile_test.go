package profile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
)

// holdEnv names a profile. The test binary started with it holds that profile until its input ends.
const holdEnv = "P2PCHAT_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		p, err := Open(dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		bufio.NewReader(os.Stdin).ReadString('\n')
		p.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold starts another process that holds dir.
func hold(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q", line)
	}
	return cmd
}

func TestOpenMakesAPrivateFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "alice")
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, want 0700", info.Mode().Perm())
	}
	if len(p.Warnings()) != 0 {
		t.Errorf("warnings in a new profile: %q", p.Warnings())
	}
}

func TestOpenSaysWhichProcessHoldsIt(t *testing.T) {
	dir := t.TempDir()
	other := hold(t, dir)
	start := time.Now()
	_, err := Open(dir)
	inUse := (*InUseError)(nil)
	if !errors.As(err, &inUse) {
		t.Fatalf("got %v, want an InUseError", err)
	}
	if inUse.PID != other.Process.Pid {
		t.Errorf("held by process %d, want %d", inUse.PID, other.Process.Pid)
	}
	if age := start.Sub(inUse.Started); age < 0 || age > time.Minute {
		t.Errorf("started %v before, which can't be", age)
	}
	for _, want := range []string{fmt.Sprint("process ", other.Process.Pid), dir, "--name", "--profile"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q doesn't mention %q", err, want)
		}
	}
}

func TestALockEndsWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	other := hold(t, dir)
	other.Process.Kill()
	other.Wait()
	p, err := Open(dir)
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, lockName))
	if err != nil || len(text) != 0 {
		t.Errorf("the lock file of a closed profile says %q, %v", text, err)
	}
}

func TestAHolderThatWroteNothingIsUnnamed(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := os.WriteFile(filepath.Join(dir, lockName), []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	inUse := (*InUseError)(nil)
	if !errors.As(err, &inUse) || inUse.PID != 0 || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
}

func TestOpenFreeTakesTheNextName(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	for _, want := range []string{"Ann", "Ann-2", "Ann-3"} {
		p, name, err := OpenFree("Ann")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if dir, err := Dir(want); err != nil || name != want || p.Dir() != dir {
			t.Errorf("got %q in %s, want %q in %s, %v", name, p.Dir(), want, dir, err)
		}
	}
	long := strings.Repeat("é", 32)
	for _, want := range []string{long, strings.Repeat("é", 31) + "-2"} {
		p, name, err := OpenFree(long)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if name != want || CheckName(name) != nil {
			t.Errorf("got %q, want %q", name, want)
		}
	}
}

func TestOpenOnAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		_, err := Open(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--profile") {
			t.Errorf("Open(%s): %v", dir, err)
		}
	}
}

func TestWriteFileLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd [name]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, knownName+".123.tmp"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Known().SetIgnored("someone", true); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tmp") {
			t.Errorf("%s was left", e.Name())
		}
		if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v)", e.Name(), info.Mode(), err)
		}
	}
}
