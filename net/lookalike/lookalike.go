// Package lookalike tells which names could be taken for each other.
//
// The screen compares names to set namesakes apart. The node compares them to notice a peer without a key under the
// name of a known person. So both agree about what looks alike.
package lookalike

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Skeleton returns what a name looks like: two names with one skeleton could be taken for each other.
// It folds case and compatibility forms (NFKC: full width, mathematical letters, ligatures) and
// drops joiners and Latin accents. Letters and digits of other scripts that look Latin are read
// as Latin. It errs to the safe side: a suffix too many costs nothing. The result is for
// comparing only, and never empty for a name that isn't. The term is that of Unicode's UTS #39.
func Skeleton(name string) string {
	s := norm.NFD.String(Fold(name))
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x0300 && r <= 0x036F, r == '\u200C', r == '\u200D':
			return -1
		case r >= 0xFE00 && r <= 0xFE0F:
			return -1
		case r < 0x80:
			return ascii(r)
		}
		if l, ok := latin(r); ok {
			return ascii(l)
		}
		return r
	}, s)
	// Two letters that read as one in most fonts of terminals.
	s = pairs.Replace(s)
	if s == "" {
		return name
	}
	return norm.NFC.String(s)
}

var pairs = strings.NewReplacer("rn", "m", "vv", "w")

// maxClaim is how many bytes of a name Claim reads. A screen shows fewer.
const maxClaim = 256

// Claim returns whose name a peer claims: names with the same claim pass for each other. It is the Skeleton's letters and digits, without what a screen leaves out or adds: spaces, punctuation, invisible
// characters, "(you)", and the dot and hex digits that tell namesakes apart. A name of nothing else claims itself.
func Claim(name string) string {
	if len(name) > maxClaim {
		name = name[:maxClaim]
	}
	name = strings.ToValidUTF8(name, "")
	s := strings.ReplaceAll(Fold(name), "(you)", "")
	s = withoutSuffix(s)
	s = strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.L, unicode.N, unicode.M) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return Skeleton(strings.TrimSpace(name))
	}
	return Skeleton(s)
}

// withoutSuffix cuts a last dot of any kind with four or more hex digits after it.
func withoutSuffix(s string) string {
	s = strings.TrimRightFunc(s, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.M) })
	i := strings.LastIndexFunc(s, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) })
	if i <= 0 {
		return s
	}
	_, digits, _ := strings.Cut(s[i:], string([]rune(s[i:])[:1]))
	if len(digits) < 4 || strings.Trim(digits, "0123456789abcdef") != "" {
		return s
	}
	return s[:i]
}

// Fold folds case and compatibility forms only.
func Fold(s string) string {
	if isASCII(s) { // most names are; folding is then lower case
		return strings.ToLower(s)
	}
	return cases.Fold().String(norm.NFKC.String(s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// ascii folds the characters of ASCII that look alike in terminal fonts.
func ascii(r rune) rune {
	switch r {
	case '0':
		return 'o'
	case '1', 'i', '|', '!':
		return 'l'
	case '_':
		return '-'
	}
	return r
}

// confusables pairs a Latin letter with letters, in lower case, that look like it in lower or in
// upper case. After Unicode's confusables.txt (UTS #39), what people can type.
var confusables = [...]struct {
	latin rune
	other string
}{
	{'a', "аαɑ"}, {'b', "вьβᏼ"}, {'c', "сϲᴄ"}, {'d', "ԁɗ"}, {'e', "еєεҽ"}, {'g', "ɡց"},
	{'h', "һнηհ"}, {'i', "іıιɪї"}, {'j', "јϳյ"}, {'k', "кκқ"}, {'l', "ӏłǀⅼ"}, {'m', "мμ"},
	{'n', "пνոռ"}, {'o', "оοσօøᴏ〇"}, {'p', "рρ"}, {'q', "ԛգ"}, {'r', "гᴦ"}, {'s', "ѕꜱ"},
	{'t', "тτ"}, {'u', "սυʋᴜ"}, {'v', "ѵᴠ"}, {'w', "ԝшωᴡա"}, {'x', "хχ"}, {'y', "уүγ"},
	{'z', "ζᴢ"}, {'-', "‐‑‒–—−"}, {'\'', "’‘ʼ"},
}

// latin returns the Latin letter that r looks like, if any.
func latin(r rune) (rune, bool) {
	for _, l := range confusables {
		if strings.ContainsRune(l.other, r) {
			return l.latin, true
		}
	}
	return 0, false
}
