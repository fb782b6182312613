package record

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Kind says what a record's data is. The table kinds says what the program does with each kind.
type Kind string

// The kinds that stand in feeds.
const (
	KindOpen Kind = "open" // the first record of a feed: the author's name
	KindChat Kind = "chat" // a message
	KindMe   Kind = "me"   // a message in the third person, as in "alice waves"
	KindName Kind = "name" // the author's name from here on
)

// The kinds of vote records, which stand outside feeds. Package vote reads their data.
const (
	KindProposal Kind = "proposal"
	KindBallot   Kind = "ballot"
	KindCancel   Kind = "cancel"
)

// traits say what the program does with the records of a kind.
type traits struct {
	kind    Kind
	key     string // the only key of the data; "" when this package doesn't read the data
	text    bool   // the data is the text of a message
	shown   bool   // the record takes a place among the messages on the screen
	vote    bool   // package vote reads the data
	alone   bool   // the record may stand outside any feed
	counted bool   // in a feed, the record counts toward the feed's budget for unreadable records
}

// kinds is the only place that lists what holds for which kind. Vote records count when they stand
// in a feed, because there no one reads them.
var kinds = [...]traits{
	{kind: KindChat, key: "text", text: true, shown: true},
	{kind: KindMe, key: "text", text: true, shown: true},
	{kind: KindOpen, key: "name"},
	{kind: KindName, key: "name"},
	{kind: KindBallot, vote: true, alone: true, counted: true},
	{kind: KindProposal, vote: true, alone: true, counted: true},
	{kind: KindCancel, vote: true, alone: true, counted: true},
}

// unknown are the traits of every other kind: a later program may use one, so this program keeps
// its records and passes them on.
var unknown = traits{alone: true, counted: true}

// traits looks at the first kind of the table at once, because most records are of that kind.
func (k Kind) traits() *traits {
	if k == KindChat {
		return &kinds[0]
	}
	return k.findTraits()
}

func (k Kind) findTraits() *traits {
	for i := range kinds {
		if kinds[i].kind == k {
			return &kinds[i]
		}
	}
	return &unknown
}

// IsText reports whether the kind's data is the text of a message.
func (k Kind) IsText() bool { return k.traits().text }

// IsName reports whether the kind's data is the author's name from that record on.
func (k Kind) IsName() bool { return k.traits().key == "name" }

// IsShown reports whether records of the kind take a place among the messages on the screen.
func (k Kind) IsShown() bool { return k.traits().shown }

// IsVote reports whether the kind is one of a vote record.
func (k Kind) IsVote() bool { return k.traits().vote }

// CountsAsUnknown reports whether a record of the kind in a feed counts toward the feed's budget for
// records that the program passes on without reading.
func (k Kind) CountsAsUnknown() bool { return k.traits().counted }

// NamingData returns the data of an open or name record. Sign refuses an invalid name.
func NamingData(name string) json.RawMessage { return appendData(nil, "name", name) }

// TextData returns the data of a chat or me record. Sign refuses an invalid text.
func TextData(text string) json.RawMessage { return appendData(nil, "text", text) }

// Text returns the text of a chat or me record; "" for other kinds.
func (r *Record) Text() string {
	if !r.Kind().IsText() {
		return ""
	}
	return r.c.content
}

// Name returns the name that an open or name record gives its author; "" for other kinds.
func (r *Record) Name() string {
	if !r.Kind().IsName() {
		return ""
	}
	return r.c.content
}

// checkData reads the data of the kinds that this package knows as strictly as the body around it,
// and returns the text or name. It refuses a kind outside its place, such as a message outside any
// feed. It doesn't look into the data of other kinds.
func (b *Body) checkData() (content string, err error) {
	kind := b.Kind.traits()
	key := kind.key
	switch {
	case b.Feed == 0 && !kind.alone:
		return "", fmt.Errorf("%w: a %s record outside any feed", ErrMalformed, b.Kind)
	case key == "":
		if !utf8.Valid(b.Data) {
			return "", fmt.Errorf("%w: not UTF-8", ErrMalformed)
		}
		return "", nil
	}
	data := string(b.Data)
	content, scanned := scanData(data, key)
	if !scanned {
		if content, err = unmarshalData(b.Data, key); err != nil {
			return "", err
		}
	}
	var room [512]byte
	if string(appendData(room[:0], key, content)) != data {
		return "", fmt.Errorf("%w: data of %s", ErrNotCanonical, b.Kind)
	}
	if key == "name" {
		return content, CheckName(content)
	}
	return content, CheckText(content)
}

// unmarshalData reads data that scanData doesn't accept. Such data is bad in some way, and the
// error says in which.
func unmarshalData(data []byte, key string) (string, error) {
	var fields struct{ Name, Text string }
	if err := json.Unmarshal(data, &fields); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if key == "name" {
		return fields.Name, nil
	}
	return fields.Text, nil
}

// CheckText returns why text can't be a message (rule 10), or nil.
func CheckText(text string) error {
	if len(text) > MaxText {
		return fmt.Errorf("%w: text of %d bytes", ErrTooLong, len(text))
	}
	return checkRunes(text, true)
}

// CheckName returns why name can't be a name (rule 10), or nil. A valid name may still look
// hostile; the screen sanitizes it.
func CheckName(name string) error {
	if name == "" {
		return fmt.Errorf("%w: empty name", ErrMalformed)
	}
	if len(name) > MaxName {
		return fmt.Errorf("%w: name of %d bytes", ErrTooLong, len(name))
	}
	return checkRunes(name, false)
}

func checkRunes(s string, lines bool) error {
	if !utf8.ValidString(s) {
		return ErrText
	}
	for _, r := range s {
		control := r < 0x20 || r >= 0x7f && r <= 0x9f
		if control && !(lines && (r == '\n' || r == '\t')) {
			return fmt.Errorf("%w: %U", ErrText, r)
		}
	}
	return nil
}
