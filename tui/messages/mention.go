package messages

import (
	"unicode"
	"unicode/utf8"

	"chat.lan/p2pchat/net/search"
)

// Mentions reports whether a text has one's own name, or @name, as a whole word, in any case.
func (p *Pane) Mentions(text string) bool {
	from, _ := p.mention(text, 0)
	return from >= 0
}

// mention finds one's own name in text from at on, with the @ before it if there is one, or -1.
func (p *Pane) mention(text string, at int) (from, to int) {
	if p.cfg.OwnName == nil {
		return -1, -1
	}
	if name := p.cfg.OwnName().String(); name != p.own.name {
		p.own.name, p.own.needle = name, search.NewText(name)
	}
	for {
		from, to = p.own.needle.Find(text, at)
		if from < 0 {
			return -1, -1
		}
		after, _ := utf8.DecodeRuneInString(text[to:])
		if before, _ := utf8.DecodeLastRuneInString(text[:from]); !inWord(before) && !inWord(after) {
			if from > 0 && text[from-1] == '@' {
				// Not in an address such as mail@alice.
				if r, _ := utf8.DecodeLastRuneInString(text[:from-1]); inWord(r) {
					at = to
					continue
				}
				from--
			}
			return from, to
		}
		at = to
	}
}

// inWord tells whether a rune goes on with a word. At either end of a text there is RuneError.
func inWord(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}
