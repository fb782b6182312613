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
)

// jsonView writes one object a line, everything to stdout.
type jsonView struct {
	out     *output
	trouble string // last one shown
	buf     bytes.Buffer
}

// The objects of JSON mode. Scripts live on them: fields are added, never renamed. An unknown value
// leaves its field out.
type (
	jsonReady struct {
		Event       string `json:"event"`
		ID          string `json:"id"`
		Key         string `json:"key"`
		Name        string `json:"name"`
		Port        int    `json:"port"`
		Fingerprint string `json:"fingerprint"`
		Room        string `json:"room"`
		Profile     string `json:"profile,omitempty"`
	}
	jsonPeer struct {
		Event     string   `json:"event,omitempty"` // absent inside list
		State     string   `json:"state"`
		ID        string   `json:"id,omitempty"`
		Key       string   `json:"key,omitempty"`
		Name      string   `json:"name,omitempty"`
		Addr      string   `json:"addr,omitempty"`
		Kind      string   `json:"kind"`
		Encrypted bool     `json:"encrypted"`
		RTT       *float64 `json:"rtt_ms,omitempty"` // to the microsecond
		Verified  bool     `json:"verified,omitempty"`
		Ignored   bool     `json:"ignored,omitempty"`
		Was       string   `json:"was,omitempty"` // the name before
	}
	jsonMessage struct {
		Event     string `json:"event"`
		ID        string `json:"id"`
		FromID    string `json:"from_id,omitempty"`
		FromName  string `json:"from_name,omitempty"`
		FromKey   string `json:"from_key,omitempty"`
		Content   string `json:"content"`
		Me        bool   `json:"me,omitempty"` // third person: /me
		Time      int64  `json:"time,omitempty"`
		Kind      string `json:"kind"`
		Signature string `json:"signature"`
		History   bool   `json:"history"`
		Via       string `json:"via,omitempty"`
	}
	jsonSent struct {
		Event   string `json:"event"`
		ID      string `json:"id"`
		Content string `json:"content"`
		Me      bool   `json:"me,omitempty"`
		Time    int64  `json:"time,omitempty"`
		Peers   int    `json:"peers"`
	}
	jsonDelivered struct {
		Event string `json:"event"`
		ID    string `json:"id"`
		Peers int    `json:"peers"`
		Of    int    `json:"of"`
	}
	jsonRefused struct {
		Event  string `json:"event"`
		From   string `json:"from,omitempty"`
		Reason string `json:"reason"`
		Count  int    `json:"count"`
	}
	jsonSaving struct {
		Event      string `json:"event"`
		Saved      bool   `json:"saved"`
		Reason     string `json:"reason,omitempty"` // why not
		Waiting    int    `json:"waiting,omitempty"`
		Lost       int    `json:"lost,omitempty"`
		Unreadable int    `json:"unreadable,omitempty"`
		Aside      string `json:"aside,omitempty"`
		Recovered  int    `json:"recovered,omitempty"`
	}
	jsonSync struct {
		Event   string `json:"event"`
		Have    int    `json:"have"`
		Missing int    `json:"missing"`
	}
	// jsonText is error and info.
	jsonText struct {
		Event string `json:"event"`
		Text  string `json:"text"`
		Hint  string `json:"hint,omitempty"`
		Level string `json:"level,omitempty"` // "warning", or absent
	}
	jsonList struct {
		Event string     `json:"event"`
		Peers []jsonPeer `json:"peers"`
	}
	jsonStatus struct {
		Event       string          `json:"event"`
		ID          string          `json:"id"`
		Key         string          `json:"key"`
		Name        string          `json:"name"`
		Room        string          `json:"room"`
		Port        int             `json:"port"`
		Fingerprint string          `json:"fingerprint"`
		Profile     string          `json:"profile,omitempty"`
		Started     int64           `json:"started,omitempty"`
		Up          int64           `json:"up_ms"`
		Peers       int             `json:"peers"`
		Plain       int             `json:"plain"`
		Links       int             `json:"links"`
		Records     int             `json:"records"`
		Received    int             `json:"received"`
		In          int64           `json:"bytes_in"`
		Out         int64           `json:"bytes_out"`
		Dropped     map[string]int  `json:"dropped,omitempty"`
		Discovery   bool            `json:"discovery"`
		Interfaces  []jsonInterface `json:"interfaces,omitempty"`
		Trouble     string          `json:"trouble,omitempty"`
		Hint        string          `json:"hint,omitempty"`
	}
	jsonInterface struct {
		Name    string `json:"name"`
		Addr    string `json:"addr,omitempty"`
		Skipped string `json:"skipped,omitempty"`
		Error   string `json:"error,omitempty"`
		Sent    int    `json:"sent"`
		Heard   int    `json:"heard"`
	}
)

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
		v.put(jsonDelivered{"delivered", ev.ID, ev.Peers, ev.Of})
	case event.Refused:
		v.put(jsonRefused{"refused", ev.From, ev.Reason, ev.Count})
	case event.Sync:
		v.put(jsonSync{"sync", ev.Have, ev.Missing})
	case event.Saving:
		v.put(jsonSaving{"saving", ev.NotSaved == "", ev.NotSaved, ev.Waiting, ev.Dropped, ev.Unreadable, ev.Aside, ev.Recovered})
	case event.Notice:
		v.notice(ev)
	case event.ProposalChanged, event.BallotCast, event.PolicyChanged, event.Differs, event.Gate:
		v.vote(ev)
	case event.Network:
		if ev.Trouble != v.trouble {
			v.trouble = ev.Trouble
			if ev.Trouble != "" {
				v.notice(event.Notice{Level: event.Warning, Text: ev.Trouble, Hint: ev.Hint})
			}
		}
	}
}

func (v *jsonView) notice(n event.Notice) {
	switch n.Level {
	case event.Error:
		v.put(jsonText{Event: "error", Text: n.Text, Hint: n.Hint})
	case event.Warning:
		v.put(jsonText{Event: "info", Text: n.Text, Hint: n.Hint, Level: "warning"})
	default:
		v.put(jsonText{Event: "info", Text: n.Text, Hint: n.Hint})
	}
}

func (v *jsonView) answer(a command.Answer) {
	switch a := a.(type) {
	case command.List:
		list := jsonList{"list", make([]jsonPeer, len(a.Peers))}
		for i, p := range a.Peers {
			list.Peers[i] = peerObject(p)
		}
		v.put(list)
	case command.Status:
		v.put(statusObject(a.Status))
	case command.Proposals:
		v.put(proposalsObject(a))
	case command.Save:
		v.answer(a.Write())
	case command.Info:
		v.put(jsonText{Event: "info", Text: a.Text})
	case command.Fail:
		v.put(jsonText{Event: "error", Text: a.Text, Hint: a.Hint})
	}
}

func peerObject(p event.Peer) jsonPeer {
	o := jsonPeer{State: string(p.State), ID: p.ID, Key: p.Key.String(), Name: p.Name, Kind: string(p.Kind),
		Encrypted: p.Encrypted(), Verified: p.Verified, Ignored: p.Ignored}
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
		s.In, s.Out, s.Dropped, s.Discovery, nil, s.Network.Trouble, s.Network.Hint}
	for _, i := range s.Network.Interfaces {
		shown := jsonInterface{Name: i.Name, Skipped: i.Skipped, Error: i.Error, Sent: i.Sent, Heard: i.Heard}
		if i.Addr.IsValid() {
			shown.Addr = i.Addr.String()
		}
		o.Interfaces = append(o.Interfaces, shown)
	}
	return o
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
// are: DEL, C1 controls, and format characters such as bidi overrides and zero-width joiners.
// A reader decodes the same text. JSON has no such characters outside strings, except the final newline.
func escape(text []byte) []byte {
	plain := true
	for _, c := range text {
		plain = plain && c < 0x7F
	}
	if plain {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\n' || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			out = append(out, text[:n]...)
		case r > 0xFFFF:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}
