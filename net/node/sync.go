package node

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// Bounds of a comparison.
const (
	pageFeeds   = 300     // lines of a Frontier frame
	maxFrontier = 100_000 // lines kept of a peer's
	ackEvery    = 50 * time.Millisecond
	wantFrames  = 4
)

// send queues a small message. Called with mu held or not.
func (n *Node) send(l *link.Link, m wire.Message) {
	f, err := wire.Encode(m)
	if err != nil {
		n.cfg.Log.Error("encode", "error", err)
		return
	}
	l.Control(f)
}

// tellFrontier sends all that is held of the room, in pages; ask wants the peer's in return. Called
// with mu held.
func (n *Node) tellFrontier(p *peer, ask bool) {
	held := n.room.Frontier()
	f := wire.Frontier{Room: n.room.ID().String(), Hash: n.room.Hash()}
	for i := 0; ; i += pageFeeds {
		f.Feeds = nil
		for _, h := range held[i:min(i+pageFeeds, len(held))] {
			f.Feeds = append(f.Feeds, wire.Holding{Author: h.Key.Author, Feed: h.Key.Feed.String(), Seq: h.Seq,
				Head: hex.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Head)), Floor: h.Floor})
		}
		f.Last = i+pageFeeds >= len(held)
		f.Ask = ask && f.Last
		n.send(p.link, f)
		if f.Last {
			return
		}
	}
}

// heardFrontier collects the pages of a peer's frontier, and asks for what is missing here.
func (n *Node) heardFrontier(p *peer, m wire.Frontier) {
	if m.Room != n.room.ID().String() {
		return
	}
	for _, h := range m.Feeds {
		var feed record.Feed
		if feed.UnmarshalText([]byte(h.Feed)) != nil || feed == 0 || h.Author.IsZero() || h.Seq > 1<<53 || len(p.page) >= maxFrontier {
			n.refused["malformed frontier"]++
			continue
		}
		p.page = append(p.page, room.Holding{Key: room.FeedKey{Author: h.Author, Feed: feed}, Floor: h.Floor, Seq: h.Seq})
	}
	if !m.Last {
		return
	}
	theirs := p.page
	p.page = nil
	n.planner.Heard(p.Key, theirs)
	for _, h := range n.planner.Floors(p.Key) {
		n.room.Raise(h.Key, h.Floor)
	}
	n.ask(p)
	if m.Ask {
		n.tellFrontier(p, false)
	}
	if p.behind && p.link.LiveSpace() > 0 {
		n.level(p, theirs)
	}
}

// level ends a peer's catching up when what it lacks fits into its live queue.
func (n *Node) level(p *peer, theirs []room.Holding) {
	here := map[room.FeedKey]uint64{}
	for _, h := range theirs {
		here[h.Key] = h.Seq + 1
	}
	var tail []*record.Record
	for _, h := range n.room.Frontier() {
		from := max(here[h.Key], h.Floor)
		if from > h.Seq {
			continue
		}
		if h.Seq-from > 200 {
			return
		}
		recs, more := n.room.Range(room.Gap{Key: h.Key, From: from, To: h.Seq}, 128<<10)
		if tail = append(tail, recs...); more || len(tail) > 200 {
			return
		}
	}
	p.behind = false
	for _, r := range tail {
		f, err := wire.Encode(wire.Record{Body: r.Signed(), Sig: r.Signature()})
		if err == nil && !p.link.Live(f) {
			p.behind = true
			return
		}
	}
}

// ask puts the next question to a peer, if it has something that is missing here.
func (n *Node) ask(p *peer) {
	gaps := n.planner.Next(p.Key)
	if len(gaps) == 0 {
		if n.planner.Missing() == 0 {
			n.out.post(event.Sync{Have: n.room.Count()})
		}
		return
	}
	n.out.post(event.Sync{Have: n.room.Count(), Missing: n.planner.Missing()})
	n.askFor(p, gaps)
}

func (n *Node) askFor(p *peer, gaps []room.Gap) {
	n.asked++
	w := wire.Want{Room: n.room.ID().String(), N: n.asked, Frames: wantFrames}
	for _, g := range gaps {
		w.Ranges = append(w.Ranges, wire.Range{Author: g.Key.Author, Feed: g.Key.Feed.String(), From: g.From, To: g.To})
	}
	n.send(p.link, w)
}

// answer sends what a peer wants, as far as its sync queue takes it; the peer asks for the rest.
func (n *Node) answer(p *peer, m wire.Want) {
	if m.Room != n.room.ID().String() || len(m.Ranges) > 256 {
		n.refused["malformed want"]++
		return
	}
	out := wire.Records{Room: m.Room, N: m.N}
	size, frames := 0, 1
	flush := func(end bool) bool {
		out.End = end
		f, err := wire.Encode(out)
		out.Records, size = nil, 0
		return err == nil && p.link.Sync(f)
	}
	for _, r := range m.Ranges {
		var g room.Gap
		if g.Key.Author, g.From, g.To = r.Author, r.From, r.To; g.Key.Feed.UnmarshalText([]byte(r.Feed)) != nil {
			continue
		}
		recs, _ := n.room.Range(g, wire.MaxRecords*wantFrames)
		for _, rec := range recs {
			// The body travels as a JSON string, in which quotes take two bytes.
			cost := len(rec.Signed())*5/4 + 120
			if size > 0 && size+cost > wire.MaxRecords {
				if frames++; frames > min(m.Frames, wantFrames) || p.link.SyncSpace() < 2 {
					flush(true)
					return
				}
				if !flush(false) {
					return
				}
			}
			size += cost
			out.Records = append(out.Records, wire.Record{Body: rec.Signed(), Sig: rec.Signature()})
		}
	}
	flush(true)
}

// Drained is of mesh.Handler: a peer whose live queue was full has taken all of it. It learns how far
// we are, pulls the rest, and says so when it is level.
func (n *Node) Drained(l *link.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.peers[l.Key()]; p != nil && p.link == l && p.behind {
		n.tellFrontier(p, true)
	}
}

// tick sends acknowledgements every 50 ms while there are any, and looks after what takes seconds.
func (n *Node) tick(ctx context.Context) {
	<-n.ready
	acks := time.NewTicker(ackEvery)
	defer acks.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-acks.C:
		}
		n.mu.Lock()
		if n.acks {
			n.acks = false
			n.acknowledge()
		}
		if time.Since(last) >= time.Second {
			last = time.Now()
			n.second()
		}
		n.mu.Unlock()
	}
}

// acknowledge sends one Have per link that is owed one.
func (n *Node) acknowledge() {
	ends := map[room.FeedKey]uint64{}
	for _, h := range n.room.Frontier() {
		ends[h.Key] = h.Seq
	}
	for _, p := range n.peers {
		if p.link == nil || len(p.owed) == 0 {
			continue
		}
		m := wire.Have{Room: n.room.ID().String()}
		for key := range p.owed {
			if seq, ok := ends[key]; ok && len(m.Heads) < 256 {
				m.Heads = append(m.Heads, wire.Head{Author: key.Author, Feed: key.Feed.String(), Seq: seq})
			}
		}
		clear(p.owed)
		n.send(p.link, m)
	}
}

// second posts the numbers of peers, and retries questions that nobody answered.
func (n *Node) second() {
	lost := false
	for _, p := range n.peers {
		if p.link != nil {
			n.out.post(event.PeerStats{Peer: p.now()})
			if gaps := n.planner.Next(p.Key); len(gaps) > 0 {
				n.askFor(p, gaps)
			}
		} else if p.State == event.Lost && time.Since(p.lostAt) < 2*time.Minute {
			lost = true
		}
	}
	if n.finder != nil {
		n.finder.SetLost(lost)
	}
}
