package vote_test

import (
	"bufio"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/vote"
)

func places(t *testing.T, list string) []int {
	if list == "-" {
		return nil
	}
	var out []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// TestMapVector: the map and its hash are what testdata/vote/map.txt says.
func TestMapVector(t *testing.T) {
	f, err := os.Open(filepath.Join(vectors, "map.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := vote.NewLedger()
	empty := b.Hash()
	var want vote.Map
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		switch w[0] {
		case "#":
			continue
		case "hash":
			if got := b.Hash(); hex.EncodeToString(got[:]) != w[1] {
				t.Errorf("hash %x, want %s", got, w[1])
			}
			continue
		case "empty":
			if hex.EncodeToString(empty[:]) != w[1] {
				t.Errorf("empty hash %x, want %s", empty, w[1])
			}
			continue
		}
		id, err := vote.ParseID(w[0])
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(w[1])
		p := proposalOf("", n)
		p.ID = id
		mustAdd(t, b, p)
		for _, at := range places(t, w[2]) {
			cast(t, b, id, p.Roll[at], vote.Approve)
		}
		for _, at := range places(t, w[3]) {
			cast(t, b, id, p.Roll[at], vote.Reject)
		}
		if w[4] == "yes" {
			if _, err := b.AddCancel(vote.Cancel{Proposal: id, By: p.Author}); err != nil {
				t.Fatal(err)
			}
		}
		bits, err := hex.DecodeString(w[5])
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, vote.MapEntry{Proposal: id, Bits: bits})
	}
	if diff := cmp.Diff(want, b.Map()); diff != "" || len(want) < 4 {
		t.Error(diff)
	}
}

func TestSync(t *testing.T) {
	a, b := vote.NewLedger(), vote.NewLedger()
	p, q, only := proposalOf("p", 5), proposalOf("q", 9), proposalOf("only", 1)
	for _, book := range []*vote.Ledger{a, b} {
		mustAdd(t, book, p)
		mustAdd(t, book, q)
		cast(t, book, q.ID, q.Roll[3], vote.Reject)
	}
	cast(t, a, p.ID, p.Roll[4], vote.Reject)
	cast(t, b, p.ID, p.Roll[4], vote.Approve)
	passed(t, b, only, 1)
	if _, err := b.AddCancel(vote.Cancel{Proposal: q.ID, By: q.Author}); err != nil {
		t.Fatal(err)
	}
	asked := a.ListMissing(b.Map())
	want := []vote.Ref{
		only.Ref(), // it has passed: first
		{Kind: vote.RefBallot, Proposal: only.ID, By: only.Roll[0], Choice: vote.Approve},
		{Kind: vote.RefBallot, Proposal: p.ID, By: p.Roll[4], Choice: vote.Approve},
		{Kind: vote.RefCancel, Proposal: q.ID, By: q.Author},
	}
	got := b.ListRequested(asked)
	if !slices.Equal(got[:2], want[:2]) || len(got) != 4 || !slices.Contains(got, want[2]) || !slices.Contains(got, want[3]) {
		t.Errorf("%v, want %v", got, want)
	}
	if back := b.ListMissing(a.Map()); len(back) != 1 || back[0].Proposal != p.ID {
		t.Errorf("the other way: %v", back)
	}
}

// TestHostileMaps: maps come from anyone.
func TestHostileMaps(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 5)
	passed(t, b, p, 3)
	all := make([]byte, 5000)
	for i := range all {
		all[i] = 0xff
	}
	unknown := named("unknown")
	for _, m := range []vote.Map{
		{{Proposal: vote.ID{}}}, {{Proposal: p.ID, Bits: nil}}, {{Proposal: p.ID, Bits: all}},
		{{Proposal: p.ID, Bits: all}, {Proposal: p.ID, Bits: all}}, {{Proposal: unknown, Bits: all}},
	} {
		if asked := b.ListMissing(m); len(asked) > 1 {
			t.Errorf("%d lines asked for", len(asked))
		}
		if sent := b.ListRequested(m); len(sent) > 4 {
			t.Errorf("%d records sent", len(sent))
		}
	}
	if asked := b.ListMissing(vote.Map{{Proposal: p.ID, Bits: []byte{0, 0xf8}}}); len(asked) != 0 {
		t.Errorf("bits beyond the roll are asked for: %v", asked)
	}
}
