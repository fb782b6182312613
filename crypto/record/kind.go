package record

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Kind says what a record's data is.
type Kind string

// The kinds that stand in feeds.
const (
	KindOpen Kind = "open" // the first record of a feed: Naming
	KindChat Kind = "chat" // a line: Text
	KindMe   Kind = "me"   // a line in the third person, as in "alice waves": Text
	KindName Kind = "name" // the author's name from here on: Naming
)

// Naming is the data of open and name: what the author is called from this record on.
type Naming struct {
	Name string `json:"name"`
}

// Text is the data of chat and me.
type Text struct {
	Text string `json:"text"`
}

// known reports whether this package looks into the kind's data.
func (k Kind) known() bool { return k.key() != "" }

// key is the one key in a known kind's data.
func (k Kind) key() string {
	switch k {
	case KindOpen, KindName:
		return "name"
	case KindChat, KindMe:
		return "text"
	}
	return ""
}

// NamingData is the data of an open or name record. Sign reports a name that can't be one.
func NamingData(name string) (json.RawMessage, error) { return appendData(nil, "name", name), nil }

// TextData is the data of a chat or me record. Sign reports a text that can't be one.
func TextData(text string) (json.RawMessage, error) { return appendData(nil, "text", text), nil }

// Text is what a chat or me record says; "" for other kinds.
func (r *Record) Text() string {
	if r.Kind().key() != "text" {
		return ""
	}
	return r.c.content
}

// Name is what an open or name record calls its author; "" for other kinds.
func (r *Record) Name() string {
	if r.Kind().key() != "name" {
		return ""
	}
	return r.c.content
}

// checkData reads the data of known kinds as strictly as the body around it and returns its text or
// name. A known kind outside its place (a chat line outside any feed) is refused; unknown kinds are
// not looked into.
func (b *Body) checkData() (content string, err error) {
	key := b.Kind.key()
	switch {
	case key == "":
		if !utf8.Valid(b.Data) {
			return "", fmt.Errorf("%w: not UTF-8", ErrMalformed)
		}
		return "", nil
	case b.Feed == 0:
		return "", fmt.Errorf("%w: a %s record outside any feed", ErrMalformed, b.Kind)
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

// unmarshalData reads data that scanData doesn't know: it is bad in some way, and this says in which.
func unmarshalData(data []byte, key string) (string, error) {
	var n Naming
	var t Text
	var form any = &t
	if key == "name" {
		form = &n
	}
	if err := json.Unmarshal(data, form); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n.Name + t.Text, nil // one of them is empty
}

// CheckText reports why text can't be a line: over MaxText bytes, not UTF-8, or with control
// characters other than newline and tab.
func CheckText(text string) error {
	if len(text) > MaxText {
		return fmt.Errorf("%w: text of %d bytes", ErrTooLong, len(text))
	}
	return checkRunes(text, true)
}

// CheckName reports why name can't be a name: empty, over MaxName bytes, not UTF-8, or with control
// characters. How a name that is allowed but hostile looks is the screen's business.
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
