package hostile

import (
	"context"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Conduct is how a peer treats what the other side asks. The zero value answers Pings only.
type Conduct struct {
	Silent bool // answers no Ping either: it is lost after a while

	// Answer handles a question for records; nil: it stays without an answer.
	Answer func(p *Peer, q wire.Want)

	// Claim returns what the peer says that it holds, when the other side asks and when SendFrontier is called; nil:
	// it never says.
	Claim func() []wire.Holding
}

// react does what the Conduct says about a message.
func (c Conduct) react(p *Peer, m wire.Message) {
	switch m := m.(type) {
	case wire.Ping:
		if !c.Silent {
			_ = p.Send(wire.Pong{N: m.N, Stamp: m.Stamp}) // a link that is down ends the reader
		}
	case wire.Want:
		if c.Answer != nil {
			c.Answer(p, m)
		}
	case wire.Frontier:
		if m.Last && m.Ask {
			_ = p.SendFrontier(false)
		}
	}
}

// SendFrontier sends what Conduct.Claim returns, in pages. ask wants the other side's in return.
func (p *Peer) SendFrontier(ask bool) error {
	if p.cfg.Conduct.Claim == nil {
		return nil
	}
	const page = 300
	claimed, turn := p.cfg.Conduct.Claim(), p.turn.Add(1)
	for {
		f := wire.Frontier{Room: p.room.String(), Hash: "00000000000000000000000000000000", Turn: turn, Feeds: claimed[:min(page, len(claimed))]}
		if f.Feeds == nil {
			f.Feeds = []wire.Holding{}
		}
		claimed = claimed[len(f.Feeds):]
		f.Last = len(claimed) == 0
		f.Ask = f.Last && ask
		if err := p.Send(f); err != nil || f.Last {
			return err
		}
	}
}

// Truthfully answers from a library.
func Truthfully(l *Library) func(p *Peer, q wire.Want) {
	return func(p *Peer, q wire.Want) {
		out, size := wire.Records{Room: q.Room, N: q.N}, 0
		for _, r := range q.Ranges {
			for _, rec := range l.Find(r) {
				w := Frame(rec)
				if cost := 2 * len(w.Body); size > 0 && size+cost > wire.MaxRecords {
					if p.Send(out) != nil {
						return
					}
					out.Records, size = nil, 0
				}
				out.Records, size = append(out.Records, w), size+2*len(w.Body)
			}
		}
		out.End = true
		_ = p.Send(out) // a link that is down ends the reader
	}
}

// Emptily says at once that there is nothing, whatever the peer claimed.
func Emptily(p *Peer, q wire.Want) { _ = p.Send(wire.Records{Room: q.Room, N: q.N, End: true}) }

// Endlessly answers each question with an empty frame every so often, for as long as the link is up.
func Endlessly(every time.Duration) func(p *Peer, q wire.Want) {
	return func(p *Peer, q wire.Want) {
		p.group.Go("hostile/endless", func(ctx context.Context) {
			for group.Sleep(ctx, every, nil) && p.Send(wire.Records{Room: q.Room, N: q.N}) == nil {
			}
		})
	}
}

// Slowly answers as another function does, after a time.
func Slowly(after time.Duration, answer func(p *Peer, q wire.Want)) func(p *Peer, q wire.Want) {
	return func(p *Peer, q wire.Want) {
		p.group.Go("hostile/slow", func(ctx context.Context) {
			if group.Sleep(ctx, after, nil) {
				answer(p, q)
			}
		})
	}
}

// With answers with records of the caller's choice, asked for or not, forged or not.
func With(records ...wire.Record) func(p *Peer, q wire.Want) {
	return func(p *Peer, q wire.Want) {
		_ = p.Send(wire.Records{Room: q.Room, N: q.N, Records: records, End: true}) // as in Emptily
	}
}
