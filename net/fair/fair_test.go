package fair

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
)

// keys are made once: each costs more than a test.
var keys = func() (out [201]identity.Key) {
	for i := range out {
		out[i] = identity.FromSeed([32]byte{byte(i), 1}).Key()
	}
	return out
}()

func key(i int) identity.Key { return keys[i] }

// drain takes all that waits.
func drain(q *Queue[string]) (out []string) {
	for q.Len() > 0 {
		first, size := q.Peek()
		v, n := q.Pop()
		if v != first || n != size {
			panic("Peek and Pop differ")
		}
		out = append(out, v)
	}
	return out
}

// Who comes while a flood waits is served next, and behind it the flood goes on in its order.
func TestNewcomerGoesNext(t *testing.T) {
	var q Queue[string]
	for _, v := range []string{"f1", "f2", "f3"} {
		q.Push(Flow{Key: key(1)}, 0, 8000, v)
	}
	if v, _ := q.Pop(); v != "f1" {
		t.Fatalf("first %s", v)
	}
	q.Push(Flow{Key: key(2)}, 0, 100, "honest")
	if diff := cmp.Diff([]string{"honest", "f2", "f3"}, drain(&q)); diff != "" {
		t.Error(diff)
	}
}

// Flows share by bytes, not by messages.
func TestFairByBytes(t *testing.T) {
	var q Queue[string]
	for range 8 {
		q.Push(Flow{Key: key(1)}, 0, 4000, "large")
		q.Push(Flow{Key: key(2)}, 0, 1000, "small")
	}
	large := 0
	for small := 0; small < 8; {
		switch v, _ := q.Pop(); v {
		case "small":
			small++
		default:
			large++
		}
	}
	if large < 2 || large > 3 {
		t.Errorf("%d of 4000 bytes were served beside 8 of 1000", large)
	}
}

// Keys of one group share what the group gets: a hundred keys get no more than one.
func TestKeysShareTheirGroup(t *testing.T) {
	var q Queue[string]
	for i := range 100 {
		q.Push(Flow{Group: Group{Kind: "attacker"}, Key: key(i)}, 0, 1000, "flood")
	}
	for range 10 {
		q.Push(Flow{Group: Group{Kind: "honest"}, Key: key(200)}, 0, 1000, "honest")
	}
	served := map[string]int{}
	for range 20 {
		v, _ := q.Pop()
		served[v]++
	}
	if served["honest"] != 10 {
		t.Errorf("served %v", served)
	}
}

// Among many floods that all wait for their next turn, a short message goes first.
func TestShortMessageGoesFirst(t *testing.T) {
	var q Queue[string]
	for round := range 2 {
		for i := range 20 {
			q.Push(Flow{Group: Group{Kind: strconv.Itoa(i)}, Key: key(100 + i)}, 0, 8000, "flood")
			q.Push(Flow{Key: key(i)}, 0, 8000, "flood")
		}
		if round == 0 {
			q.Pop()
		}
	}
	q.Push(Flow{Group: Group{Kind: "honest"}, Key: key(200)}, 0, 100, "honest")
	if v, _ := q.Pop(); v != "honest" {
		t.Error("a flood goes first")
	}
	q.Push(Flow{Key: key(199)}, 0, 100, "honest")
	for q.Len() > 0 {
		g := q.busy.waiting[0]
		v, _ := q.Pop()
		if v == "honest" {
			break
		}
		if g.name == (Group{}) {
			t.Fatal("a flood of its group goes first")
		}
	}
}

// Of equals the greater rank is first, and among equal ranks who came first. A rank takes nothing from others.
func TestRankDecidesBetweenEquals(t *testing.T) {
	var q Queue[string]
	q.Push(Flow{Key: key(1)}, 0, 1000, "heard")
	q.Push(Flow{Key: key(2)}, 0, 1000, "heard too")
	for _, v := range []string{"known", "known again"} {
		q.Push(Flow{Key: key(3)}, 2, 1000, v)
	}
	if diff := cmp.Diff([]string{"known", "heard", "heard too", "known again"}, drain(&q)); diff != "" {
		t.Error(diff)
	}
}

// A key's work stays in order when its group changes meanwhile: its later work waits behind its earlier.
func TestKeyKeepsItsGroupWhileItWaits(t *testing.T) {
	var q Queue[string]
	q.Push(Flow{Group: Group{Kind: "through bob"}, Key: key(1)}, 0, 8000, "first")
	for range 3 {
		q.Push(Flow{Group: Group{Kind: "through bob"}, Key: key(2)}, 0, 1000, "other")
	}
	q.Push(Flow{Group: Group{Kind: "through carol"}, Key: key(1)}, 2, 10, "second")
	out := drain(&q)
	if slices.Index(out, "first") > slices.Index(out, "second") {
		t.Errorf("served %v", out)
	}
	q.Push(Flow{Group: Group{Kind: "through carol"}, Key: key(1)}, 0, 10, "third")
	if q.flows[key(1)].group.name.Kind != "through carol" || q.groups[Group{Kind: "through bob"}].flows != 1 {
		t.Error("an idle key doesn't move to its new group")
	}
}

// A queue that was empty for a moment costs no memory: that is how it is most of the time.
func TestNoAllocationsInTurn(t *testing.T) {
	var q Queue[int]
	push := func() {
		q.Push(Flow{Key: key(1)}, 0, 100, 1)
		q.Push(Flow{Group: Group{Kind: "other"}, Key: key(2)}, 0, 100, 2)
		q.Pop()
		q.Pop()
	}
	push()
	if n := testing.AllocsPerRun(100, push); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Who was served much lately has no advantage by being idle for a moment.
func TestPausesBringNothing(t *testing.T) {
	var q Queue[string]
	q.Push(Flow{Key: key(1)}, 0, 8000, "f1")
	q.Push(Flow{Key: key(2)}, 0, 9000, "waits")
	q.Push(Flow{Key: key(2)}, 0, 9000, "waits too")
	if v, _ := q.Pop(); v != "f1" {
		t.Fatalf("first %s", v)
	}
	q.Push(Flow{Key: key(1)}, 0, 1000, "f2")
	if diff := cmp.Diff([]string{"waits", "f2", "waits too"}, drain(&q)); diff != "" {
		t.Error(diff)
	}
}

// Whatever is pushed comes out once, each key's in its order whatever groups it is said to be of, and the sums are right at all times.
func TestOrderAndSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queue[int]
		waiting := map[identity.Key][]int{}
		sizes, bytes, length := map[int]int{}, 0, 0
		for n := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "push") || q.Len() == 0 {
				k := rapid.IntRange(0, 3).Draw(t, "key")
				of := Flow{Group: Group{Kind: strconv.Itoa(rapid.IntRange(0, 2).Draw(t, "group"))}, Key: key(k)}
				size := rapid.IntRange(1, 1000).Draw(t, "size")
				q.Push(of, rapid.IntRange(0, 2).Draw(t, "rank"), size, n)
				waiting[of.Key], sizes[n] = append(waiting[of.Key], n), size
				bytes, length = bytes+size, length+1
			} else {
				v, size := q.Pop()
				found := false
				for key, w := range waiting {
					if len(w) > 0 && w[0] == v {
						waiting[key], found = w[1:], true
					}
				}
				if !found || size != sizes[v] {
					t.Fatalf("%d of %d bytes came out of order", v, size)
				}
				bytes, length = bytes-size, length-1
			}
			for key, w := range waiting {
				sum := 0
				for _, v := range w {
					sum += sizes[v]
				}
				if own, group := q.Of(Flow{Key: key}); own != (Usage{len(w), sum}) || group.Bytes < sum {
					t.Fatalf("%v: %v and %v, want %d, %d", key, own, group, len(w), sum)
				}
			}
			if q.Bytes() != bytes || q.Len() != length {
				t.Fatalf("%d bytes in %d, want %d in %d", q.Bytes(), q.Len(), bytes, length)
			}
		}
	})
}

// Keys that come once and never again are forgotten, although the queue is never empty.
func TestIdleFlowsAreForgotten(t *testing.T) {
	var q Queue[int]
	q.Push(Flow{Group: Group{Kind: "backlog"}}, 0, 1<<30, 0)
	q.Push(Flow{Group: Group{Kind: "backlog"}}, 0, 1<<30, 0)
	q.Pop()
	var k [32]byte
	for i := range 3 * maxIdle {
		k[0], k[1] = byte(i), byte(i>>8)
		q.Push(Flow{Group: Group{Kind: string(k[:])}, Key: identity.FromSeed(k).Key()}, 0, 1, i)
		if v, _ := q.Pop(); v != i {
			t.Fatalf("%d came out in place of %d", v, i)
		}
		if len(q.flows) > maxIdle+2 || len(q.groups) > maxIdle+2 {
			t.Fatalf("%d flows in %d groups", len(q.flows), len(q.groups))
		}
	}
}
