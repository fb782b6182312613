package lines

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// The two-person program asks where its one peer is before it starts. Scripts were written for that
// conversation, so its words are kept here; the chat behind them is the usual one.

// twoPersonPrompt stands where a person types.
const twoPersonPrompt = "You: "

// maxAnswer is the longest answer to a question, in bytes.
const maxAnswer = 1 << 10

// TwoPerson is the two-person program's, once its questions are answered.
type TwoPerson struct {
	Peer string                // where one connects to; "": one waits
	Is   func(event.Peer) bool // whether a peer is the one that one connects to; set if Peer is
}

// Ask asks for one line. It reads no byte behind that line, which is somebody else's. The end of
// input is an empty answer.
func Ask(in io.Reader, out io.Writer, text string) (string, error) {
	if _, err := io.WriteString(out, text); err != nil {
		return "", fmt.Errorf("standard output: %w", err)
	}
	var answer []byte
	one := make([]byte, 1)
	for {
		n, err := in.Read(one)
		switch {
		case n > 0 && one[0] == '\n':
			return strings.TrimSpace(strings.ToValidUTF8(string(answer), "\ufffd")), nil
		case n > 0 && len(answer) >= maxAnswer:
			return "", fmt.Errorf("an answer has at most %d bytes", maxAnswer)
		case n > 0:
			answer = append(answer, one[0])
		}
		if errors.Is(err, io.EOF) {
			return strings.TrimSpace(string(answer)), nil
		}
		if err != nil {
			return "", fmt.Errorf("standard input: %w", err)
		}
	}
}

// twoPersonView speaks the two-person program's words, and line mode's for what that doesn't know.
type twoPersonView struct {
	*textView
	talk *TwoPerson
	met  bool // the peer that one connects to
}

func (v *twoPersonView) event(ev event.Event, before event.State) {
	switch ev := ev.(type) {
	case event.Ready:
		if v.talk.Peer != "" {
			v.say("Connecting to %s...", sanitize.Line(v.talk.Peer))
			return
		}
		v.say("Listening on: 0.0.0.0:%d", ev.Self.Port)
		v.say("Waiting for peer to connect...")
	case event.PeerChanged:
		v.changed(ev, before)
	case event.Said:
		v.put(false, "%s: %s", v.who(ev.Line), ev.Line.Text)
	case event.Sent:
		if ev.Peers == 0 {
			v.textView.event(ev, before)
		}
	default:
		v.textView.event(ev, before)
	}
}

func (v *twoPersonView) changed(ev event.PeerChanged, before event.State) {
	p := ev.Peer
	switch {
	case p.State == event.Up && before == "" && v.talk.Peer != "" && !v.met && v.talk.Is(p):
		v.met = true
		v.say("Connected to peer!")
	case p.State == event.Up && before == "":
		from := wording.Unmapped(p.Addr).String()
		if !p.Addr.IsValid() {
			from = "somewhere"
		}
		v.say("Peer connected from: %s", from)
	case before != "" && !p.Present() && v.roster.NoOneBut(""):
		v.say("Peer disconnected")
	default:
		v.textView.event(ev, before)
	}
}

// who returns how a message's author is called: Peer while there is only one peer.
func (v *twoPersonView) who(l event.Line) string {
	if v.roster.NoOneBut(l.FromID) {
		return "Peer"
	}
	return v.roster.Label(roster.ID(l.From, l.FromID)).String()
}
