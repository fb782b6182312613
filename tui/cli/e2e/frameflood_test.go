package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/wire"
)

// frameFloodEnv makes the test binary an attacker that floods with frames of a kind: "kind links address", with "_" for
// each space in the kind.
const frameFloodEnv = "P2PCHAT_TEST_FRAME_FLOOD"

// claimed is how many feeds an attacker claims that no one has.
const claimed = 30_000

// frameFloods make frame i of a flood by a peer with these claims. None of them costs much to send.
var frameFloods = map[string]func(i int, rng *rand.Rand, room string, claims []wire.Holding) wire.Message{
	"a part of a frontier": func(i int, rng *rand.Rand, room string, claims []wire.Holding) wire.Message {
		return wire.Frontier{Room: room, Hash: anyHash(rng), Turn: uint64(i), Feeds: claims[i%claimed:][:1], Last: true, Part: true}
	},
	"a part, in return for ours": func(i int, rng *rand.Rand, room string, claims []wire.Holding) wire.Message {
		return wire.Frontier{Room: room, Hash: anyHash(rng), Turn: uint64(i), Feeds: claims[i%claimed:][:1], Last: true, Part: true, Ask: true}
	},
	"an empty frontier": func(i int, rng *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Frontier{Room: room, Hash: anyHash(rng), Turn: uint64(i), Feeds: []wire.Holding{}, Last: true, Ask: true}
	},
	"another hash": func(i int, rng *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Frontier{Room: room, Hash: anyHash(rng), Turn: uint64(i), Feeds: []wire.Holding{}, Last: true, Ask: true, Part: true}
	},
	"pages without a last": func(i int, rng *rand.Rand, room string, claims []wire.Holding) wire.Message {
		return wire.Frontier{Room: room, Hash: anyHash(rng), Turn: 1 << 40, Feeds: claims[i%(claimed/300)*300:][:300]}
	},
	"heads": func(i int, _ *rand.Rand, room string, claims []wire.Holding) wire.Message {
		return wire.Heads{Room: room, Feeds: claims[i%claimed:][:1]}
	},
	"have": func(i int, _ *rand.Rand, room string, claims []wire.Holding) wire.Message {
		h := claims[i%claimed]
		return wire.Have{Room: room, Heads: []wire.Head{{Author: h.Author, Feed: h.Feed, Seq: h.Seq}}}
	},
	"questions": func(i int, _ *rand.Rand, room string, claims []wire.Holding) wire.Message {
		h := claims[i%claimed]
		return wire.Want{Room: room, N: uint64(i), Frames: 8, Ranges: []wire.Range{{Author: h.Author, Feed: h.Feed, To: 1 << 52}}}
	},
	"questions about sums": func(i int, _ *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Outline{Room: room, N: uint64(i)}
	},
	"sums": func(i int, _ *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Sums{Room: room, N: uint64(i), End: true}
	},
	"empty answers": func(i int, _ *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Records{Room: room, N: uint64(i), End: true}
	},
	"pings": func(i int, rng *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Ping{N: uint64(i), Stamp: int64(i), Frontier: map[string]string{room: anyHash(rng)}}
	},
	"refusals": func(i int, _ *rand.Rand, room string, claims []wire.Holding) wire.Message {
		return wire.Refused{Room: room, Authors: []identity.Key{claims[i%claimed].Author}, ForMs: 1_000_000}
	},
	"links that come and go": func(i int, _ *rand.Rand, _ string, claims []wire.Holding) wire.Message {
		keys := []identity.Key{claims[i/2%claimed].Author}
		if i%2 == 0 {
			return wire.Links{Add: keys}
		}
		return wire.Links{Drop: keys}
	},
	"all links": func(_ int, rng *rand.Rand, _ string, _ []wire.Holding) wire.Message {
		return hostile.InventedLinks(rng, 128)
	},
	"typing": func(i int, _ *rand.Rand, room string, _ []wire.Holding) wire.Message {
		return wire.Typing{Room: room, On: i%2 == 0}
	},
	"unsigned messages": func(i int, _ *rand.Rand, _ string, _ []wire.Holding) wire.Message {
		return wire.Chat{FromID: "x", FromName: "mallory", Content: "flood flood", Timestamp: uint64(i)}
	},
}

func anyHash(rng *rand.Rand) string { return fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64()) }

// TestFrameFlood measures how long messages of an honest person take to the screen of one who knows her, while strangers
// claim many feeds that no one has, and send frames of one kind as fast as they can.
func TestFrameFlood(t *testing.T) {
	if *flood == 0 {
		t.Skip("-flood 5s runs it")
	}
	for _, kind := range append([]string{"claims alone"}, slices.Sorted(maps.Keys(frameFloods))...) {
		t.Run(kind, func(t *testing.T) {
			home := t.TempDir()
			annProfile, benProfile := knowEachOther(t)
			ann := listenFor(t, program(t, home, alone("--name", "Ann", "--profile", annProfile)...))
			annAt := "127.0.0.1:" + ann.port
			ben := listenFor(t, program(t, home, alone("--name", "Ben", "--profile", benProfile, "--connect", annAt)...))
			ann.await(t, `"state":"up"`)
			startAttacker(t, frameFloodEnv+"="+strings.ReplaceAll(kind, " ", "_")+" 8 "+annAt)
			ann.await(t, `mallory`)
			pause(2 * time.Second)
			took := ann.probe(t, ben)
			slices.Sort(took)
			t.Logf("%d messages: p50 %v, p99 %v, worst %v", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
		})
	}
}

// runFrameFlood floods a program over some links until it is killed. It claims feeds first, and has no record of them.
func runFrameFlood(spec string) {
	var kind, addr string
	var links int
	fmt.Sscan(spec, &kind, &links, &addr)
	frame := frameFloods[strings.ReplaceAll(kind, "_", " ")]
	g := group.New(context.Background(), nil)
	var all sync.WaitGroup
	for n := range links {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			claims := hostile.InventedHoldings(rng, claimed)
			p := dialAgain(hostile.Config{
				Identity: hostile.Key(5, n), Group: g, Name: "mallory", Hello: func(h *wire.Hello) { h.Caps = wire.Caps() },
				Conduct: hostile.Conduct{Answer: hostile.Emptily, Claim: func() []wire.Holding { return claims }},
			}, addr)
			err := p.SendFrontier(false)
			if err == nil && frame == nil {
				<-g.Context().Done() // the claims are all there is
			}
			if err == nil {
				_, err = p.SendAll(func(yield func(wire.Message) bool) {
					for i := 0; yield(frame(i, rng, p.Room().String(), claims)); i++ {
					}
				})
			}
			fmt.Fprintln(os.Stderr, "attacker:", err)
		})
	}
	all.Wait()
}

// dialAgain dials until it has a link: of many that come at once, some are turned away.
func dialAgain(cfg hostile.Config, addr string) *hostile.Peer {
	for {
		if p, err := hostile.Dial(context.Background(), &net.Dialer{}, addr, cfg); err == nil {
			return p
		}
		pause(100 * time.Millisecond)
	}
}
