package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"

	"github.com/google/go-cmp/cmp"
)

func key(n int) identity.Key {
	return identity.FromSeed([32]byte{byte(n), byte(n >> 8), 1}).Key()
}

func open(t *testing.T, dir string) *Profile {
	t.Helper()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestFirstKeyUnderName(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	k := p.Known()
	if _, known := k.NoteName("Bob", key(1), standing.Heard, standing.Source{}); known {
		t.Error("the first Bob is a new person already")
	}
	if _, known := k.NoteName("Bob", key(1), standing.Heard, standing.Source{}); known {
		t.Error("the same Bob is a new person")
	}
	for _, alike := range []string{"Bob", "bob", " Bob ", "B\u200bob", "Ｂob", "Bo\u202eb"} {
		if before, known := k.NoteName(alike, key(2), standing.Heard, standing.Source{}); !known || before != key(1) {
			t.Errorf("%q with another key: %v, %v", alike, before, known)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	k = open(t, dir).Known()
	if before, known := k.NoteName("Bob", key(2), standing.Heard, standing.Source{}); !known || before != key(1) {
		t.Errorf("after a restart: %v, %v", before, known)
	}
	if err := k.SetVerified(key(2), true); err != nil {
		t.Fatal(err)
	}
	if _, known := k.NoteName("Bob", key(2), standing.Heard, standing.Source{}); known {
		t.Error("a Bob who was compared is still a stranger")
	}
	if _, known := k.NoteName("", key(3), standing.Heard, standing.Source{}); known {
		t.Error("an empty name counts as known")
	}
	if _, known := k.NoteName("Bob", identity.Key{}, standing.Heard, standing.Source{}); known {
		t.Error("the zero key counts as known")
	}
}

func TestMarksAreSavedAtOnce(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	k := p.Known()
	if err := k.SetVerified(key(1), true); err != nil {
		t.Fatal(err)
	}
	if err := k.SetIgnored("id-1", true); err != nil {
		t.Fatal(err)
	}
	if err := k.SetIgnored("id-2", true); err != nil {
		t.Fatal(err)
	}
	if err := k.SetIgnored("id-1", false); err != nil {
		t.Fatal(err)
	}
	again, warnings := readKnown(dir) // as after a kill, without Close
	if len(warnings) != 0 {
		t.Error(warnings)
	}
	if !again.Verified(key(1)) || again.Verified(key(2)) || again.Ignored("id-1") || !again.Ignored("id-2") {
		t.Error("other marks on disk than in memory")
	}
	if err := k.SetVerified(identity.Key{}, true); err == nil {
		t.Error("no key was verified")
	}
	if err := k.SetIgnored(strings.Repeat("x", 65), true); err == nil {
		t.Error("an id of 65 bytes was taken")
	}
}

func TestUnsavedMarkHoldsForTheRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k := newKnown(dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := k.SetVerified(key(1), true); err == nil || !strings.Contains(err.Error(), "not saved") {
		t.Errorf("got %v", err)
	}
	if !k.Verified(key(1)) {
		t.Error("the mark doesn't hold for this run")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := k.SetVerified(key(1), true); err != nil {
		t.Errorf("once there is a folder: %v", err)
	}
	if again, _ := readKnown(dir); !again.Verified(key(1)) {
		t.Error("the second try didn't write")
	}
}

func TestRunWritesSoonAndOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := newKnown(dir)
		ctx, cancel := context.WithCancel(t.Context())
		go k.Run(ctx)
		k.NoteName("bob", key(1), standing.Heard, standing.Source{})
		k.NoteName("eve", key(2), standing.Heard, standing.Source{})
		synctest.Wait()
		if _, err := os.Stat(filepath.Join(dir, knownName)); err == nil {
			t.Error("written at once, not together")
		}
		time.Sleep(saveDelay)
		synctest.Wait()
		again, warnings := readKnown(dir)
		if len(again.names.first) != 2 || len(warnings) != 0 {
			t.Errorf("%d names on disk, warnings %q", len(again.names.first), warnings)
		}
		cancel()
		synctest.Wait()
	})
}

func TestDamagedFileIsMovedAside(t *testing.T) {
	good := newKnown(t.TempDir())
	good.NoteName("bob", key(1), standing.Heard, standing.Source{})
	if err := good.SetVerified(key(1), true); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(good.dir, knownName))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text     string
		verified bool // the readable entries are used
	}{
		"empty":         {"", false},
		"cut":           {string(text[:len(text)/2]), false},
		"other version": {`{"v":2}`, false},
		"not JSON":      {"\x00\x01\x02", false},
		"wrong type":    {`{"v":1,"names":7}`, false},
		"a bad key":     {strings.Replace(string(text), `"names": [`, `"names": [{"name":"x","key":"01","last":0},`, 1), true},
		"too long":      {string(text) + strings.Repeat(" ", maxKnownFile), false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, knownName)
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p := open(t, dir)
			if len(p.Warnings()) != 1 || !strings.Contains(p.Warnings()[0], ".damaged") {
				t.Errorf("warnings %q", p.Warnings())
			}
			if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != test.text {
				t.Errorf("not kept as it was: %v", err)
			}
			if p.Known().Verified(key(1)) != test.verified {
				t.Errorf("verified is %v", !test.verified)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if again := open(t, dir); len(again.Warnings()) != 0 || again.Known().Verified(key(1)) != test.verified {
				t.Errorf("second start: %q", again.Warnings())
			}
		})
	}
}

func TestReadableEntriesAreWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	text := `{"v":1,"names":[{"name":"x","key":"01","last":0}],"verified":[{"key":"` + key(1).String() + `","since":1}]}`
	if err := os.WriteFile(filepath.Join(dir, knownName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		k, _ := readKnown(dir)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go k.Run(ctx)
		time.Sleep(saveDelay)
		synctest.Wait()
		again, warnings := readKnown(dir) // as after a kill, without Close
		if len(warnings) != 0 || !again.Verified(key(1)) {
			t.Errorf("after a kill: verified is %v, warnings %q", again.Verified(key(1)), warnings)
		}
	})
}

func FuzzKnownFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"names":[{"name":"bob","key":"` + key(1).String() + `","last":1}],"verified":[{"key":"` + key(1).String() + `","since":2}],"ignored":[{"id":"x","since":3}]}`))
	f.Add([]byte(`{"v":1,"names":[{"name":"BOB","key":"00"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		k := newKnown("")
		if bad, err := k.load(text); bad != 0 || err != nil {
			return
		}
		// Entries that were read are written and read as the same.
		k.mu.Lock()
		file := k.fileLocked()
		k.mu.Unlock()
		again := newKnown("")
		written, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		if bad, err := again.load(written); bad != 0 || err != nil {
			t.Fatalf("%d bad, %v, in what we wrote: %s", bad, err, written)
		}
		if diff := cmp.Diff(file, again.fileLocked()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Marks stay within their bound.
func TestMarksAreBounded(t *testing.T) {
	k := newKnown(t.TempDir())
	for n := range maxKnown {
		k.ignored[fmt.Sprint(n)] = 1
		k.trusted[key(n)] = trust{}
	}
	if err := k.SetIgnored("one more", true); err == nil {
		t.Error("ignored without bound")
	}
	if err := k.SetTrusted(key(maxKnown), true); err == nil {
		t.Error("trusted without bound")
	}
	if err := k.SetTrusted(key(1), true); err != nil {
		t.Errorf("a mark that is there can't be changed: %v", err)
	}
}
