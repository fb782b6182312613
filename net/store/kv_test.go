package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listed returns the values under a name as text.
func listed(t *testing.T, s Store, name string) []string {
	t.Helper()
	values, err := s.ListValues(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, v := range values {
		out = append(out, fmt.Sprintf("%s=%s", v.Key, v.Value))
	}
	return out
}

// Values are listed by key, under their own name only, while they wait and when they are on disk.
func TestValues(t *testing.T) {
	disk := open(t, config(t))
	for _, s := range []Store{disk, NewMem(lobby, 0)} {
		for _, kv := range []struct{ name, key, value string }{
			{"a", "2", "two"}, {"a", "1", "one"}, {"ab", "3", "other"}, {"a", "b3", "b"}, {"a", "2", "deux"}, {"a", "gone", "x"},
		} {
			if err := s.Put(kv.name, []byte(kv.key), []byte(kv.value)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Delete("a", []byte("gone")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if diff := cmp.Diff([]string{"1=one", "2=deux", "b3=b"}, listed(t, s, "a")); diff != "" {
				t.Errorf("%T (-want +got):\n%s", s, diff)
			}
			settle(t, s)
		}
		if got := listed(t, s, "none"); len(got) != 0 {
			t.Errorf("%T: %q under a name without values", s, got)
		}
	}
}

func TestValueLimits(t *testing.T) {
	cfg := config(t)
	cfg.MaxWaitingBytes = 3 << 20
	for _, s := range []Store{open(t, cfg), NewMem(lobby, 0)} {
		for _, c := range []struct {
			name       string
			key, value int
			ok         bool
		}{
			{strings.Repeat("n", 255), 1024 - 255, 1 << 20, true},
			{strings.Repeat("n", 256), 1, 1, false},
			{"n", 1024, 1, false},
			{"n", 1, 1<<20 + 1, false},
		} {
			err := s.Put(c.name, make([]byte, c.key), make([]byte, c.value))
			if c.ok != (err == nil) || !c.ok && !errors.Is(err, ErrTooBig) {
				t.Errorf("%T: a name of %d, key of %d and value of %d bytes: %v", s, len(c.name), c.key, c.value, err)
			}
		}
	}
}

// Values that can't wait are refused: when the queue is full, and after Close.
func TestValueRefused(t *testing.T) {
	cfg := config(t)
	cfg.MaxWaitingBytes = 1000
	d := open(t, cfg)
	if err := d.Put("n", nil, make([]byte, 1000)); err != ErrFull {
		t.Errorf("over the queue's limit: %v", err)
	}
	d.Close()
	if err := d.Delete("n", nil); err != ErrClosed {
		t.Errorf("after Close: %v", err)
	}
	if _, err := d.ListValues(t.Context(), "n"); err != ErrClosed {
		t.Errorf("listed after Close: %v", err)
	}
}

// Of a value's versions that a damaged file still has in its pages, the latest is recovered.
func TestLatestValueIsRecovered(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	for i := range 20 {
		if err := d.Put("n", []byte("key"), bytes.Repeat(fmt.Appendf(nil, "%02d", i), 600)); err != nil {
			t.Fatal(err)
		}
		settle(t, d)
	}
	d.files.Lock()
	err := d.replaceDamagedLocked(damaged("a test"))
	d.files.Unlock()
	if err != nil || d.Status().Aside == "" {
		t.Fatalf("replaced: %v, %+v", err, d.Status())
	}
	if got := listed(t, d, "n"); len(got) != 1 || got[0] != "key="+strings.Repeat("19", 600) {
		t.Errorf("recovered %.40q", got)
	}
}
