package record

import (
	"bytes"
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

// NamingData is the data of an open or name record.
func NamingData(name string) (json.RawMessage, error) { return canonical(Naming{name}) }

// TextData is the data of a chat or me record.
func TextData(text string) (json.RawMessage, error) { return canonical(Text{text}) }

// Text is what a chat or me record says; "" for other kinds.
func (r *Record) Text() string {
	var t Text
	if r.Kind() == KindChat || r.Kind() == KindMe {
		_ = json.Unmarshal(r.c.fields.Data, &t) // Parse has read it once
	}
	return t.Text
}

// Name is what an open or name record calls its author; "" for other kinds.
func (r *Record) Name() string {
	var n Naming
	if r.Kind() == KindOpen || r.Kind() == KindName {
		_ = json.Unmarshal(r.c.fields.Data, &n) // Parse has read it once
	}
	return n.Name
}

// checkData reads the data of known kinds as strictly as the body around it. A known kind outside
// its place (a chat line outside any feed) is refused; unknown kinds are not looked into.
func (b *Body) checkData() error {
	switch b.Kind {
	case KindOpen, KindName:
		var n Naming
		if err := b.strict(&n); err != nil {
			return err
		}
		return CheckName(n.Name)
	case KindChat, KindMe:
		var t Text
		if err := b.strict(&t); err != nil {
			return err
		}
		return CheckText(t.Text)
	}
	return nil
}

// strict decodes the data of a feed's record into v and requires that encoding v gives it back.
func (b *Body) strict(v any) error {
	if b.Feed == 0 {
		return fmt.Errorf("%w: a %s record outside any feed", ErrMalformed, b.Kind)
	}
	if err := json.Unmarshal(b.Data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	again, err := canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b.Data) {
		return fmt.Errorf("%w: data of %s", ErrNotCanonical, b.Kind)
	}
	return nil
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
