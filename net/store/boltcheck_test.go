package store

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// A good file passes, whatever was written to it and deleted: bbolt splits and merges pages as it
// goes.
func TestCheckPassesGoodFiles(t *testing.T) {
	cfg := config(t)
	cfg.noSync = true
	d := open(t, cfg)
	n := 6000
	if testing.Short() {
		n = 1500
	}
	talk := conversation(n, 5)
	check := func(after string) {
		settle(t, d)
		data, err := os.ReadFile(cfg.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPages(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatalf("after %s: %v", after, err)
		}
	}
	for i := 0; i < n; i += n / 6 {
		appendAll(t, d, talk[i:i+n/6])
		if err := d.Put("n", []byte{byte(i)}, bytes.Repeat([]byte("x"), i)); err != nil {
			t.Fatal(err)
		}
		check("appending")
		if _, err := d.Expire(t.Context(), start.Add(time.Duration(i*2/3)*time.Second)); err != nil {
			t.Fatal(err)
		}
		check("expiring")
	}
	d.EndFeedAt(talk[0].Record.FeedKey(), uint64(n/7))
	check("cutting")
	if s := d.Status(); s != (Status{}) {
		t.Errorf("%+v", s)
	}
}
