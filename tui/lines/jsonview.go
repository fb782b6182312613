package lines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// jsonView writes one object a line, everything to stdout.
type jsonView struct {
	out *output
	buf bytes.Buffer
}

func (v *jsonView) event(ev event.Event, _ event.State) {
	switch ev := ev.(type) {
	case event.Ready:
		s := ev.Self
		v.put(jsonReady{"ready", s.ID, s.Key.String(), s.Name, s.Port, s.Fingerprint, s.Room, s.Profile})
	case event.PeerChanged:
		p := peerObject(ev.Peer)
		p.Event, p.Was = "peer", ev.Renamed
		v.put(p)
	case event.Said:
		l := ev.Line
		v.put(jsonMessage{"message", l.ID, l.FromID, l.FromName, l.From.String(), l.Text, l.Me, millis(l.Time),
			string(l.Kind), string(l.Signature), l.History, l.Via})
	case event.Sent:
		v.put(jsonSent{"sent", ev.Line.ID, ev.Line.Text, ev.Line.Me, millis(ev.Line.Time), ev.Peers})
	case event.Delivered:
		v.put(jsonDelivered{"delivered", ev.ID, ev.Peers, ev.Of, ev.NotKept})
	case event.Refused:
		v.put(jsonRefused{"refused", ev.From, ev.Reason, ev.Count})
	case event.Unknown:
		v.put(jsonUnknown{"unknown", ev.Kind, ev.FromID, ev.FromName})
	case event.NotKept:
		o := notKeptObject(ev)
		o.Event = "not_kept"
		v.put(o)
	case event.Sync:
		v.put(jsonSync{"sync", ev.Have, ev.Missing})
	case event.Saving:
		v.put(jsonSaving{"saving", ev.NotSaved == "", ev.NotSaved, ev.Waiting, ev.Dropped, ev.Unreadable, ev.Aside, ev.Recovered})
	case event.Notice:
		switch ev.Level {
		case event.Error:
			v.put(jsonText{Event: "error", Text: ev.Text, Hint: ev.Hint})
		case event.Warning, event.Alarm:
			v.put(jsonText{Event: "info", Text: ev.Text, Hint: ev.Hint, Level: string(ev.Level)})
		default:
			v.put(jsonText{Event: "info", Text: ev.Text, Hint: ev.Hint})
		}
	case event.ProposalChanged:
		p := proposalObject(ev.Proposal)
		p.Event, p.History = "proposal", ev.History
		v.put(p)
	case event.BallotCast:
		p := ev.Proposal
		v.put(jsonBallot{"ballot", p.Number, p.Label, p.ID, voterObject(ev.By), choiceWord(ev.Choice), ev.Twice, ev.History})
	case event.PolicyChanged:
		for _, p := range policyObjects(ev.Policy) {
			p.Event = "policy"
			v.put(p)
		}
	case event.Differs:
		v.put(jsonDiffers{"differs", ev.Peer.ID, wording.OnOff(ev.SecureOnly), ev.Label})
	case event.Gate:
		v.put(jsonGate{"gate", ev.Open, ev.Reason})
	}
}

func (v *jsonView) answer(a command.Answer) {
	switch a := a.(type) {
	case command.List:
		v.put(jsonList{"list", objects(a.Peers, peerObject)})
	case command.Status:
		v.put(statusObject(a.Status))
	case command.Proposals:
		v.put(jsonProposals{"proposals", objects(a.Proposals, proposalObject), policyObjects(a.Policy)})
	case command.Info:
		v.put(jsonText{Event: "info", Text: a.Text})
	}
}

// objects converts each value of a list. The result isn't nil, so that it is never null in JSON.
func objects[T, O any](list []T, convert func(T) O) []O {
	out := make([]O, len(list))
	for i, value := range list {
		out[i] = convert(value)
	}
	return out
}

func peerObject(p event.Peer) jsonPeer {
	o := jsonPeer{State: string(p.State), ID: p.ID, Key: p.Key.String(), Name: p.Name, Kind: string(p.Kind),
		Encrypted: p.Encrypted(), Verified: p.Verified, Ignored: p.Ignored, HeldBack: p.HeldBack}
	if p.Addr.IsValid() {
		o.Addr = wording.Unmapped(p.Addr).String()
	}
	if p.RTT > 0 {
		ms := math.Ceil(float64(p.RTT)/float64(time.Microsecond)) / 1000
		o.RTT = &ms
	}
	return o
}

func statusObject(s event.Status) jsonStatus {
	o := jsonStatus{"status", s.Self.ID, s.Self.Key.String(), s.Self.Name, s.Self.Room, s.Self.Port, s.Self.Fingerprint,
		s.Self.Profile, millis(s.Self.Started), s.Up.Milliseconds(), s.Peers, s.Plain, s.Links, s.Records, s.Received,
		s.In, s.Out, s.Dropped, s.Discovery, nil, s.Network.Trouble, s.Network.Hint,
		s.Size.Used, s.Size.Limit, objects(s.Size.NotKept, notKeptObject)}
	for _, i := range s.Network.Interfaces {
		shown := jsonInterface{Name: i.Name, Skipped: i.Skipped, Error: i.Error, Sent: i.Sent, Heard: i.Heard}
		if i.Addr.IsValid() {
			shown.Addr = i.Addr.String()
		}
		o.Interfaces = append(o.Interfaces, shown)
	}
	return o
}

func notKeptObject(e event.NotKept) jsonNotKept {
	o := jsonNotKept{Messages: e.Messages, People: e.People, More: e.More, Authors: objects(e.Authors, voterObject),
		Strangers: e.Strangers, Deleted: e.Deleted}
	if e.Via != nil {
		o.Via = e.Via.ID
	}
	return o
}

func policyObjects(p event.Policy) []jsonPolicy {
	out := []jsonPolicy{{Slot: vote.SecureOnly, Value: wording.OnOff(p.SecureOnly), Number: p.Number, Label: p.Label,
		Signed: objects(p.Signed, voterObject)}}
	if p.Topic != "" {
		out = append(out, jsonPolicy{Slot: vote.Topic, Value: p.Topic, Label: p.TopicLabel})
	}
	return out
}

// choiceWord returns the word of a ballot in JSON, "" while none is known.
func choiceWord(c vote.Choice) string {
	if c == vote.None {
		return ""
	}
	return c.String()
}

func voterObject(w event.Voter) jsonVoter {
	return jsonVoter{w.ID, w.Key.String(), w.Name, choiceWord(w.Choice)}
}

func proposalObject(p event.Proposal) jsonProposal {
	return jsonProposal{Number: p.Number, Label: p.Label, ID: p.ID, Slot: p.Slot, Action: p.Action, Note: p.Note,
		State: p.State, By: voterObject(p.By), Yes: p.Yes, No: p.No, Need: p.Need, Of: p.Of(),
		Missing: objects(p.Missing(), voterObject), LeftOut: objects(p.LeftOut, voterObject), Closes: millis(p.Closes),
		Mine: choiceWord(p.Mine), CanVote: p.CanVote, Idle: p.Idle}
}

// millis returns ms since 1970, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// put writes one object and a newline.
func (v *jsonView) put(object any) {
	v.buf.Reset()
	enc := json.NewEncoder(&v.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object); err != nil {
		panic(fmt.Sprintf("lines: %T can't be encoded: %v", object, err)) // no field can fail
	}
	v.out.add(false, string(escape(v.buf.Bytes())))
}

// escape writes as \u the characters that would act on a terminal and that encoding/json leaves as they
// are. Those are DEL, C1 controls, and format characters such as bidi overrides and zero-width joiners.
// A reader decodes the same text. JSON has no such characters outside strings.
func escape(text []byte) []byte {
	if isBelowDEL(text) || !bytes.ContainsFunc(text, actsOnTerminal) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, r := range string(text) {
		if !actsOnTerminal(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

// isBelowDEL reports whether a text has only ASCII characters below DEL, as most texts do. The JSON encoder has written
// those that act on a terminal as \u already. Looking at bytes is six times as fast as looking at characters.
func isBelowDEL(text []byte) bool {
	for _, b := range text {
		if b >= 0x7F {
			return false
		}
	}
	return true
}

func actsOnTerminal(r rune) bool {
	return r >= 0x7F && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
