package profile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
)

// inMemory returns a folder of ours in memory, as $XDG_RUNTIME_DIR is.
func inMemory(t *testing.T) string {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Skip("this machine has no /dev/shm in memory")
	}
	dir, err := os.MkdirTemp("/dev/shm", "p2pchat-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

var (
	someKey  = identity.FromSeed([32]byte{1}).Key()
	someRoom = record.OpenRoom("lobby")
)

func openLast(t *testing.T, dir string) *LastFeed {
	t.Helper()
	l, err := OpenLastFeed(dir, someKey, someRoom)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// What a run saved the next one takes, and only once, so that a run that is killed leaves nothing.
func TestLastFeedIsTakenOnce(t *testing.T) {
	dir := inMemory(t)
	end := room.FeedEnd{Feed: 7, Seq: 1 << 40, Head: record.ID{1, 2}}
	l := openLast(t, dir)
	if got, ok := l.Take(); ok {
		t.Errorf("an empty file says %+v", got)
	}
	if err := l.Save(end); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLastFeed(dir, someKey, someRoom); err == nil {
		t.Error("two runs have the file")
	}
	if other, err := OpenLastFeed(dir, identity.FromSeed([32]byte{2}).Key(), someRoom); err != nil {
		t.Error("another key:", err)
	} else if _, ok := other.Take(); ok {
		t.Error("another key has the same file")
	}
	l.Close()
	l = openLast(t, dir)
	if got, ok := l.Take(); !ok || got != end {
		t.Errorf("%+v, %v", got, ok)
	}
	l.Close()
	if _, ok := openLast(t, dir).Take(); ok {
		t.Error("taken twice")
	}
}

// A clock that was set shows a machine that was set back to a snapshot. Sleep doesn't count.
func TestLastFeedOfASnapshot(t *testing.T) {
	dir := inMemory(t)
	for name, c := range map[string]struct {
		wall, boot time.Duration
		want       bool
	}{
		"a minute later":         {time.Minute, time.Minute, true},
		"a day later, corrected": {24*time.Hour + time.Second, 24 * time.Hour, true},
		"set back, clock right":  {time.Hour, 0, false},
		"clock set back":         {-time.Hour, time.Minute, false},
	} {
		l := openLast(t, dir)
		wall, boot := l.now()
		if wall == 0 || boot == 0 {
			t.Fatal("no clock")
		}
		if err := l.Save(room.FeedEnd{Feed: 7}); err != nil {
			t.Fatal(err)
		}
		l.now = func() (time.Duration, time.Duration) { return wall + c.wall, boot + c.boot }
		if _, ok := l.Take(); ok != c.want {
			t.Errorf("%s: taken %v", name, ok)
		}
		l.Close()
	}
}

// Text that isn't whole says nothing.
func TestDamagedLastFeed(t *testing.T) {
	dir := inMemory(t)
	l := openLast(t, dir)
	if err := l.Save(room.FeedEnd{Feed: 7, Seq: 2}); err != nil {
		t.Fatal(err)
	}
	if err := l.file.Truncate(40); err != nil {
		t.Fatal(err)
	}
	if got, ok := l.Take(); ok {
		t.Errorf("%+v", got)
	}
}

// Only a folder in memory that no one else may use counts.
func TestLastFeedNeedsFolderInMemory(t *testing.T) {
	open := inMemory(t)
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := inMemory(t)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{"none": "", "missing": filepath.Join(dir, "missing"), "others may use it": open, "a link": link}
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(disk, &fs); err == nil && fs.Type != unix.TMPFS_MAGIC {
		cases["on a disk"] = disk
	}
	for name, at := range cases {
		if l, err := OpenLastFeed(at, someKey, someRoom); err == nil {
			l.Close()
			t.Errorf("%s: opened", name)
		}
	}
}
