package profile

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLogIsBounded(t *testing.T) {
	p := open(t, t.TempDir())
	l, err := p.OpenLog()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.limit = 1000
	log := slog.New(slog.NewTextHandler(l, nil))
	for n := range 200 {
		log.Info("an entry", "n", n)
	}
	for _, path := range []string{l.Path(), l.Path() + ".1"} {
		info, err := os.Stat(path)
		if err != nil || info.Size() == 0 || info.Size() > l.limit {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	tail, err := l.Tail(2)
	if err != nil || len(tail) != 2 || !strings.HasSuffix(tail[1], "n=199") {
		t.Errorf("Tail: %q, %v", tail, err)
	}
}

func TestLogGoesOnWhereItEnded(t *testing.T) {
	path := t.TempDir() + "/log"
	for n := range 3 {
		l, err := OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Tail(10); err != nil || len(got) != n {
			t.Errorf("before entry %d: %q, %v", n, got, err)
		}
		fmt.Fprintf(l, "entry %d\n", n)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Write([]byte("late\n")); err == nil {
			t.Error("a closed log took an entry")
		}
		got, _ := l.Tail(1)
		if diff := cmp.Diff([]string{fmt.Sprint("entry ", n)}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTailOfALongLogStartsAtALine(t *testing.T) {
	l, err := OpenLog(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for n := range 10_000 {
		fmt.Fprintf(l, "entry %05d\n", n)
	}
	tail, err := l.Tail(100_000)
	if err != nil || len(tail) < 1000 || len(tail[0]) != len("entry 00000") || tail[len(tail)-1] != "entry 09999" {
		t.Errorf("%d lines, first %q, %v", len(tail), tail[0], err)
	}
}

func TestOpenLogSaysWhatToDo(t *testing.T) {
	if _, err := OpenLog(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--log") {
		t.Errorf("a folder as a log: %v", err)
	}
}
