package messages

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"chat.lan/p2pchat/net/search"
)

// ownName finds the local peer's name in texts. It follows the name as that changes.
type ownName struct {
	name   string
	needle search.Text
}

// mention returns the bytes of the local peer's name in text from at on, with an @ before it if there
// is any. It returns -1, -1 if the text has no whole word like it.
func (r *renderer) mention(text string, at int) (from, to int) {
	if name := r.cfg.OwnName().String(); name != r.own.name {
		r.own.name, r.own.needle = name, search.NewText(name)
	}
	for {
		from, to = r.own.needle.Find(text, at)
		if from < 0 {
			return -1, -1
		}
		at = to
		if strings.HasSuffix(text[:from], "@") {
			from-- // an address such as mail@alice is no mention
		}
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[to:])
		if !inWord(before) && !inWord(after) {
			return from, to
		}
	}
}

// inWord reports whether a rune is part of a word. At either end of a text it gets RuneError.
func inWord(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}
