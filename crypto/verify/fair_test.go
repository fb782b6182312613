package verify

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
)

func keyOf(i int) identity.Key { return identity.FromSeed([32]byte{byte(i), 1}).Key() }

// A link that hands on a flood doesn't hold its other messages up: behind a full queue of one flow, a message of another
// waits for no more than what was verified ahead.
func TestFloodOfOneFlowIsOvertaken(t *testing.T) {
	claims := lines(t, 1, nil)
	const size = 8 << 10
	for _, batches := range []bool{false, true} {
		bubble(t, 2, func(t *testing.T, g *group.Group, p *Pool) {
			gate, before, heard := make(chan struct{}), 0, false
			l := openLink(g, p, func(r *Result) {
				<-gate
				if r.Value == "honest" {
					heard = true
				} else if !heard {
					before++
				}
			})
			flood := Job{Claim: claims[0], More: true, Size: size, Flow: fair.Flow{Key: keyOf(1)}}
			if batches {
				flood.Claim, flood.Claims = nil, claims
			}
			for range MaxBytes/size - 1 {
				l.submit(t.Context(), flood)
			}
			synctest.Wait()
			l.submit(t.Context(), Job{Claim: claims[0], Value: "honest", More: true, Size: 300, Flow: fair.Flow{Key: keyOf(2)}})
			synctest.Wait()
			close(gate)
			l.drain()
			// One is being handled already.
			if most := aheadBytes/size + 2; !heard || before > most || before < 2 {
				t.Errorf("batches %v: %d of the flood came first, at most %d", batches, before, most)
			}
		})
	}
}

// A message without claims waits for what came before it in all flows, and none of its own sender's overtakes it.
func TestPassThroughAmongFlows(t *testing.T) {
	claims := lines(t, 1, nil)
	bubble(t, 1, func(t *testing.T, g *group.Group, p *Pool) {
		gate := make(chan struct{})
		var got []any
		l := openLink(g, p, func(r *Result) { <-gate; got = append(got, r.Value) })
		for i := range 12 {
			l.submit(t.Context(), Job{Claim: claims[0], Value: i, More: true, Size: 16 << 10, Flow: fair.Flow{Key: keyOf(1)}})
		}
		synctest.Wait()
		l.submit(t.Context(), Job{Value: "ping"})
		l.submit(t.Context(), Job{Claim: claims[0], Value: "later", More: true, Size: 100, Flow: fair.Flow{Key: keyOf(2)}})
		l.submit(t.Context(), Job{Claim: claims[0], Value: 12, More: true, Size: 16 << 10, Flow: fair.Flow{Key: keyOf(1)}})
		synctest.Wait()
		close(gate)
		l.drain()
		at := map[any]int{}
		for i, v := range got {
			at[v] = i
		}
		if len(got) != 15 || at["ping"] < at[11] || at["ping"] > at[12] || at["later"] > at["ping"] {
			t.Errorf("came as %v", got)
		}
	})
}

// Each flow comes out whole and in order, whatever the others do.
func TestOrderOfFlows(t *testing.T) {
	claims := lines(t, 8, nil)
	rapid.Check(t, func(t *rapid.T) {
		g := group.New(context.Background(), nil)
		defer g.Close()
		p := Start(g, 2)
		got, want := map[string][]string{}, map[string][]string{}
		l := openLink(g, p, func(r *Result) {
			var flow string
			fmt.Sscan(r.Value.(string), &flow)
			got[flow] = append(got[flow], r.Value.(string))
		})
		defer l.Close()
		for n := range rapid.IntRange(1, 150).Draw(t, "items") {
			of := rapid.IntRange(0, 3).Draw(t, "flow")
			flow := fmt.Sprint("flow", of)
			item := Job{Value: fmt.Sprint(flow, " ", n), More: true, Size: rapid.IntRange(1, 20<<10).Draw(t, "size"), Flow: fair.Flow{Key: keyOf(of)}}
			if rapid.Bool().Draw(t, "batch") {
				item.Claims = claims[:rapid.IntRange(1, 8).Draw(t, "claims")]
			} else {
				item.Claim = claims[0]
			}
			if err := l.submit(g.Context(), item); err != nil {
				t.Fatal(err)
			}
			want[flow] = append(want[flow], item.Value.(string))
		}
		l.drain()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
