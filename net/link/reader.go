package link

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/wire"
)

// streak is the time after the reader handled a record within which the next frame shows that more come.
// That frame then waited in the socket, where wire.Reader.Buffered doesn't see it.
const streak = 25 * time.Microsecond

// refused is a reason for Handler.Refused on its way through the verify queue, which keeps its place.
type refused string

// answers is the kind of all Records frames of a link: an answer keeps its order, whose records it may have.
const answers = "answers"

// After pauseAfter bytes the reader lets other goroutines have its processor. A frame counts frameWork more than it has.
const (
	pauseAfter = 16 << 10
	frameWork  = 512
)

// read runs the reader. It returns at the end of the peer's direction, at a malformed frame, or when the
// connection is gone, after all messages before that were delivered.
func (l *Link) read(ctx context.Context) {
	defer close(l.readerDone)
	l.readErr = ErrDown // in case of a panic
	in := inbound{l: l, ctx: ctx, pace: newPace(l.cfg.Pacer, l.key, l.conn.waited)}
	defer func() {
		if !in.queues {
			close(l.delivered)
		}
	}()
	err := in.receive()
	l.incoming.End()
	if in.queues {
		<-l.delivered
	}
	l.readErr = err
}

// receive handles frames until reading fails, or a frame is malformed.
func (in *inbound) receive() error {
	l := in.l
	for unpaused := 0; ; {
		payload, err := l.frames.Next()
		if errors.Is(err, wire.ErrFrameSize) {
			in.refuse(RefusedSize)
		}
		if err != nil {
			return err
		}
		if err := in.frame(payload); err != nil {
			return err
		}
		// A flood never lets the reader pause. It would keep its processor for 10 ms, and other links would wait. A
		// pause after each frame would cost a burst of short ones a change of goroutine for each.
		if unpaused += len(payload) + frameWork; unpaused >= pauseAfter {
			runtime.Gosched()
			in.pace.end(in.ctx, l.cut.Done(), l.conn.waited)
			unpaused = 0
		}
	}
}

// inbound is the state of the reader.
type inbound struct {
	l       *Link
	ctx     context.Context
	discard bool // no handler gets messages any more
	queues  bool // deliverQueued was started
	pace    pace

	handled time.Time // when the reader last handled a record by itself

	flow     fair.Flow // the last record's
	flowRank int
	flowLeft int // records until it is asked for again
}

// frame handles one payload, which is valid until it returns. An error ends the link.
func (in *inbound) frame(payload []byte) error {
	if in.discard && in.l.peerBye.Load() != nil {
		return nil
	}
	m, err := wire.Decode(payload)
	if err != nil {
		reason := RefusedFrame
		if errors.Is(err, wire.ErrUTF8) {
			reason = RefusedUTF8
		}
		in.refuse(reason)
		return err
	}
	size := len(payload)
	in.count(m, size)
	switch m := m.(type) {
	case wire.Ping:
		in.l.answerPing(m)
		if len(m.Frontier) > 0 || in.l.Can(wire.CapPing) {
			in.submit(verify.Job{Value: m, Size: size})
		}
	case wire.Pong:
		in.l.rtt.record(m)
	case wire.Heartbeat: // says only that the peer is there
	case wire.Hello:
		in.refuse(RefusedHello)
	case wire.Unknown:
		in.refuse(RefusedUnknown)
	case wire.Record:
		in.record(m, size)
	case wire.Records:
		in.records(m, size)
	case wire.Bye:
		in.bye(m)
	default:
		in.submit(verify.Job{Value: m, Size: size})
	}
	return nil
}

// count adds a frame to what the reader has done without a rest.
func (in *inbound) count(m wire.Message, size int) {
	switch m := m.(type) {
	case wire.Record:
		in.pace.add(size+recordWork, false)
	case wire.Records:
		in.pace.add(size+len(m.Records)*recordWork, in.l.expected.take())
	case wire.Frontier:
		if m.Last {
			size += compareWork
		}
		in.pace.add(size, false)
	default:
		in.pace.add(size, false)
	}
}

func (in *inbound) record(m wire.Record, size int) {
	claim, err := record.Parse(m.Body, m.Sig)
	if err != nil {
		in.refuse(RefusedRecord)
		return
	}
	of, rank := in.flowOf(claim.Body().Author)
	in.submit(verify.Job{Claim: claim, Flow: of, Rank: rank, Size: size})
}

// flowFor is for how many records in a row of one author its flow is remembered.
const flowFor = 64

// flowOf returns whose work a live record is.
func (in *inbound) flowOf(author identity.Key) (of fair.Flow, rank int) {
	if in.l.cfg.Flow == nil {
		return fair.Flow{Key: author}, 0
	}
	if in.flowLeft == 0 || in.flow.Key != author {
		in.flow, in.flowRank = in.l.cfg.Flow(author, in.l.key)
		in.flowLeft = flowFor
	}
	in.flowLeft--
	return in.flow, in.flowRank
}

func (in *inbound) records(m wire.Records, size int) {
	claims := make([]*record.Claim, 0, len(m.Records))
	for _, r := range m.Records {
		claim, err := record.Parse(r.Body, r.Sig)
		if err != nil {
			in.refuse(RefusedRecord)
			continue
		}
		claims = append(claims, claim)
	}
	m.Records = nil
	in.submit(verify.Job{Claims: claims, Value: m, Flow: fair.Flow{Group: fair.Group{Kind: answers}}, Size: size})
}

// bye handles the peer's last message. Our waiting frames are still written. Down gets the reason, after
// all messages before the Bye.
func (in *inbound) bye(m wire.Bye) {
	in.discard = true
	in.l.peerBye.Store(newByeError(m))
	in.l.queue.seal(nil)
	in.l.once.Do(func() { close(in.l.closing) })
}

func (in *inbound) refuse(reason string) { in.submit(verify.Job{Value: refused(reason)}) }

// submit passes an item to the verify queue, and delivers what that returns at once. Once the queue is
// closed, the reader discards messages until the peer's direction ends.
func (in *inbound) submit(item verify.Job) {
	if in.discard {
		return
	}
	item.More = in.expectsMore()
	r, err := in.l.incoming.Submit(in.ctx, item)
	switch {
	case err != nil:
		in.discard = true
	case r != nil:
		in.l.deliver(r)
		if item.Claim != nil || len(item.Claims) > 0 {
			in.handled = time.Now()
		}
	case !in.queues:
		in.queues = true
		in.startDelivery()
	}
}

// startDelivery starts the goroutine that delivers what is queued. Most links of a quiet room never need one.
func (in *inbound) startDelivery() {
	if !in.l.group.Go("link/deliver", in.l.deliverQueued) {
		close(in.l.delivered)
	}
}

// expectsMore reports whether another frame waits, as far as the reader can tell.
func (in *inbound) expectsMore() bool {
	return in.l.frames.Buffered() > 0 || !in.handled.IsZero() && time.Since(in.handled) <= streak
}

// deliverQueued delivers the results that the reader doesn't, until the verify queue ends or ctx does.
func (l *Link) deliverQueued(ctx context.Context) {
	defer close(l.delivered)
	for r := l.incoming.Next(); r != nil && ctx.Err() == nil; r = l.incoming.Next() {
		l.deliver(r)
	}
}

// deliver passes a result to the handler. Never two at once: the reader delivers only while deliverQueued
// has nothing to do.
func (l *Link) deliver(r *verify.Result) {
	switch m := r.Value.(type) {
	case nil:
		if r.Err != nil {
			l.handler.Refused(l, RefusedSignature)
			return
		}
		l.handler.Record(l, r.Record)
	case wire.Records:
		all := len(r.Records)
		valid := slices.DeleteFunc(r.Records, func(r *record.Record) bool { return r == nil })
		for range all - len(valid) {
			l.handler.Refused(l, RefusedSignature)
		}
		l.handler.Records(l, m, valid)
	case wire.Ping:
		l.handler.Frontier(l, m.Frontier)
	case refused:
		l.handler.Refused(l, string(m))
	case wire.Message:
		l.handler.Message(l, m)
	}
}
