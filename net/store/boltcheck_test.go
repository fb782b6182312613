package store

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
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
	d.EndFeedAt(talk[0].Record.FeedKey(), uint64(n/7), record.ID{})
	check("cutting")
	if s := d.Status(); s != (Status{}) {
		t.Errorf("%+v", s)
	}
}

// Each kind of damage to the structure is found, and named.
func TestCheckNamesDamage(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	appendAll(t, d, conversation(600, 3))
	settle(t, d)
	if _, err := d.Expire(t.Context(), start.Add(100*time.Second)); err != nil { // frees pages
		t.Fatal(err)
	}
	d.Close()
	good, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := readMeta(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	page := func(data []byte, n uint64) []byte { return data[n*uint64(m.pageSize):] }
	root := page(good, m.root)[:m.pageSize]
	_, trees, err := readLeaf(root, int(le.Uint16(root[10:])), true)
	if err != nil || len(trees) == 0 {
		t.Fatal(trees, err)
	}
	tree := trees[len(trees)-1]
	for _, c := range []struct {
		name, want string
		damage     func(data []byte)
	}{
		{"both metas", "no valid meta page", func(b []byte) { b[pageHead]++; page(b, 1)[pageHead]++ }},
		{"one meta", "one of the two meta pages", func(b []byte) { page(b, 1)[pageHead]++ }},
		{"freelist's kind", "is no freelist", func(b []byte) { page(b, m.free)[8] ^= flagFree }},
		{"freelist's length", "freelist of", func(b []byte) { le.PutUint16(page(b, m.free)[10:], 0xfff0) }},
		{"freelist's overflow", "ends outside the file", func(b []byte) { le.PutUint32(page(b, m.free)[12:], 1<<20) }},
		{"free page twice", "referred to twice", func(b []byte) { copy(page(b, m.free)[pageHead+8:pageHead+16], page(b, m.free)[pageHead:]) }},
		{"free page outside", "out of range", func(b []byte) { le.PutUint64(page(b, m.free)[pageHead:], m.hw) }},
		{"free page missing", "neither used nor free", func(b []byte) { page(b, m.free)[10]-- }},
		{"root's number", "says that it is page", func(b []byte) { page(b, m.root)[0]++ }},
		{"root's kind", "neither branch nor leaf", func(b []byte) { page(b, m.root)[8] = 0 }},
		{"root's count", "more or fewer", func(b []byte) { page(b, m.root)[10]-- }},
		{"a value among the buckets", "something else than a bucket", func(b []byte) { page(b, m.root)[pageHead] = 0 }},
		{"an element outside", "outside", func(b []byte) { le.PutUint32(page(b, m.root)[pageHead+12:], 1<<30) }},
		{"a tree of no kind", "neither branch nor leaf", func(b []byte) { page(b, tree)[8] = 0 }},
		{"a tree without elements", "neither branch nor leaf", func(b []byte) { page(b, tree)[10], page(b, tree)[11] = 0, 0 }},
	} {
		data := bytes.Clone(good)
		c.damage(data)
		if err := checkPages(bytes.NewReader(data), int64(len(data))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := checkPages(bytes.NewReader(good[:len(good)/2]), int64(len(good)/2)); err == nil {
		t.Error("half a file passes")
	}
}
