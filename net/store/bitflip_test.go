package store

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
)

var flips = flag.Int("flips", 500, "single bits to flip in TestBitFlips")

// perChild is the number of flips that one child process tries.
const perChild = 50

// childFlips opens copies of a file with one bit flipped, reads and writes all that it can, and
// reports the result of each. No flip may end the process.
func childFlips() {
	data, err := os.ReadFile(os.Getenv("STORE_TEST_PATH"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	known := map[string]bool{}
	talk := flipTalk()
	for _, e := range talk {
		known[e.Record.Signed()] = true
	}
	for _, word := range strings.Fields(os.Getenv("STORE_TEST_BITS")) {
		bit, err := strconv.Atoi(word)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Printf("bit %d\n", bit)
		if err := childFlip(data, bit, talk, known); err != nil {
			fmt.Printf("FAIL bit %d: %v\n", bit, err)
		}
	}
	fmt.Println("lived")
}

func childFlip(data []byte, bit int, talk []Entry, known map[string]bool) error {
	dir, err := os.MkdirTemp("", "flip")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data = bytes.Clone(data)
	data[bit/8] ^= 1 << (bit % 8)
	path := filepath.Join(dir, "records.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	ctx := context.Background()
	cfg := childConfig(path)
	cfg.noSync = true
	defer cfg.Group.Close()
	d, err := Open(cfg)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer d.Close()
	check := func(e Entry) error {
		if !known[e.Record.Signed()] {
			return fmt.Errorf("shown as verified: %s", e.Record.Signed())
		}
		return nil
	}
	shown := 0
	for key := (OrderKey{}); ; {
		page, err := d.ReadBefore(ctx, key, 100)
		if err != nil {
			return fmt.Errorf("page: %w", err)
		}
		for _, e := range page {
			if err := check(e); err != nil {
				return err
			}
		}
		if shown += len(page); len(page) < 100 {
			break
		}
		key = OrderKeyOf(page[0].Record)
	}
	for e, err := range d.Search(ctx, "LINE 1", OrderKey{}) {
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		if err := check(e); err != nil {
			return err
		}
	}
	for r, err := range d.ReadAll(ctx, time.Time{}) {
		if err != nil {
			return fmt.Errorf("all: %w", err)
		}
		if !known[r.Body] {
			return fmt.Errorf("handed out: %s", r.Body)
		}
	}
	for _, f := range d.Frontier() {
		for from := f.Floor; from < f.Next; {
			raws, err := d.ReadRange(ctx, f.Key, from, f.Next-1, 48<<10)
			if err != nil {
				return fmt.Errorf("range: %w", err)
			}
			for _, r := range raws {
				if !known[r.Body] {
					return fmt.Errorf("sent: %s", r.Body)
				}
			}
			if from += uint64(len(raws)); len(raws) == 0 {
				break
			}
		}
	}
	var keys []record.FeedKey
	for _, f := range d.Frontier() {
		keys = append(keys, f.Key)
	}
	if _, err := d.ShareFrom(ctx, start, keys); err != nil {
		return fmt.Errorf("floors: %w", err)
	}
	if _, err := d.ListValues(ctx, "n"); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	// Records that peers send again make the file whole, and new ones are saved.
	for _, e := range talk {
		if err := d.Append(e); err != nil {
			break // the room would begin below the hole; the next start does
		}
	}
	s := newSpeaker(9, 9)
	for range 5 {
		if err := d.Append(s.say("after", start)); err != nil {
			return fmt.Errorf("append: %w", err)
		}
	}
	if err := d.Sync(ctx); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if _, err := d.Expire(ctx, start.Add(time.Hour)); err != nil {
		return fmt.Errorf("expire: %w", err)
	}
	st := d.Status()
	if st.NotSaved != nil {
		return st.NotSaved
	}
	if shown < len(talk) && st.Aside == "" && st.Unreadable == 0 {
		return fmt.Errorf("%d records shown, and not a word about it", shown)
	}
	if shown < len(talk)*3/4 {
		return fmt.Errorf("one bit cost %d of %d records; %+v", len(talk)-shown, len(talk), st)
	}
	return nil
}

// flipTalk makes the file's content: small records, and some that take pages of their own.
func flipTalk() []Entry {
	a, b := newSpeaker(1, 1), newSpeaker(2, 2)
	var out []Entry
	for i := range 160 {
		s := a
		if i%3 == 0 {
			s = b
		}
		text := fmt.Sprint("line ", i)
		if i%20 == 7 {
			text = strings.Repeat("long ", 1200)
		}
		out = append(out, s.say(text, start.Add(time.Duration(i)*time.Second)))
	}
	return out
}

// Whatever bit of the file flips: no false record is shown, no readable record is lost, and the
// program goes on.
func TestBitFlips(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	for i, e := range flipTalk() {
		if err := d.Append(e); err != nil {
			t.Fatal(err)
		}
		if i%16 == 0 {
			settle(t, d) // so that pages are freed and used again
		}
	}
	if err := d.Put("n", []byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	n := *flips
	if testing.Short() {
		n = min(n, 50)
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d bytes", seed, len(data))
	r := rand.New(rand.NewPCG(seed, 0))
	for n > 0 {
		var bits []string
		for range min(n, perChild) {
			bit := r.IntN(8 * len(data))
			if r.IntN(3) == 0 { // where the structure is: headers and elements
				bit = 8*(bit/8/4096*4096) + r.IntN(8*200)
			}
			bits = append(bits, fmt.Sprint(bit))
		}
		n -= len(bits)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=flips", "STORE_TEST_PATH="+cfg.Path, "STORE_TEST_BITS="+strings.Join(bits, " "))
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "lived\n") {
			t.Fatalf("a flip ended the program: %v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if bit := 0; strings.HasPrefix(line, "FAIL") {
				fmt.Sscanf(line, "FAIL bit %d:", &bit)
				page := data[bit/8/4096*4096:]
				t.Errorf("%s in byte %d of page %d, flags %x, %d elements", strings.TrimSpace(line), bit/8%4096, le.Uint64(page), le.Uint16(page[8:]), le.Uint16(page[10:]))
			}
		}
	}
}

// Every single-bit flip of a branch page's pointers is found before bbolt follows it.
func TestCheckFindsPointers(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	appendAll(t, d, conversation(3000, 3))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkPages(bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	m, _, err := readMeta(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	free := map[uint64]bool{}
	list := data[m.free*uint64(m.pageSize):]
	for i := range int(le.Uint16(list[10:])) {
		free[le.Uint64(list[pageHead+8*i:])] = true
	}
	tried := 0
	for page := uint64(2); page < m.hw; page++ {
		b := data[page*uint64(m.pageSize):]
		if le.Uint16(b[8:]) != flagBranch || le.Uint64(b) != page || free[page] {
			continue
		}
		step := 1
		if testing.Short() {
			step = 10
		}
		for i := 0; i < int(le.Uint16(b[10:])); i += step {
			for bit := range 64 {
				at := pageHead + i*branchElem + 8 + bit/8
				b[at] ^= 1 << (bit % 8)
				if tried++; checkPages(bytes.NewReader(data), int64(len(data))) == nil {
					t.Errorf("page %d, element %d, bit %d: not found", page, i, bit)
				}
				b[at] ^= 1 << (bit % 8)
			}
		}
	}
	if tried < 1000 {
		t.Fatalf("only %d flips: the file has hardly a branch page", tried)
	}
	if _, err := os.Stat(cfg.Path); err != nil {
		t.Fatal(err)
	}
}
