package sanitize

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

func TestLineHostile(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"8-bit colour", "\u009b31mred", "red"},
		{"raw 8-bit colour", "\x9b31mred", "\uFFFD31mred"},
		{"erase and home", "a\x1b[2J\x1b[Hb", "ab"},
		{"private mode", "\x1b[?1049hx", "x"},
		{"unfinished CSI", "x\x1b[31", "x␛[31"},
		{"endless CSI", "\x1b[" + strings.Repeat("1", 100) + "m", "␛[" + strings.Repeat("1", 100) + "m"},
		{"CSI with text in it", "\x1b[3é1m", "␛[3é1m"},
		{"title", "\x1b]0;owned\a", "␛]0;owned␇"},
		{"clipboard", "\x1b]52;c;aGk=\x1b\\", "␛]52;c;aGk=␛\\"},
		{"8-bit title", "\u009d0;owned\u009c", "\uFFFD0;owned\uFFFD"},
		{"DCS", "\x1bP1;2qx\x1b\\", "␛P1;2qx␛\\"},
		{"APC PM SOS", "\x1b_a\x1b^b\x1bXc", "␛_a␛^b␛Xc"},
		{"reset", "\x1bc", "␛c"},
		{"split by removal", "\x1b\x1b[31m[31mx", "␛[31mx"},
		{"lone escape", "x\x1b", "x␛"},
		{"bell, backspace, NUL, DEL", "\a\b\x00\x7f", "␇␈␀␡"},
		{"shift out", "\x0e\x0f", "␎␏"},
		{"line ends", "a\r\nb\rc\nd\u2028e\u2029f\u0085g\vh\fi", "a b c d e f g h i"},
		{"tab", "a\tb", "a b"},
		{"bidi override", "\u202Etxt.exe\u202C", "txt.exe"},
		{"bidi isolate", "\u2066a\u2067b\u2068c\u2069", "abc"},
		{"bidi marks", "a\u200E\u200F\u061Cb", "ab"},
		{"zero width", "a\u200B\u2060\u2061\u2062\u2063\u2064\uFEFF\u00AD\u180E\u034Fb", "ab"},
		{"deprecated format", "a\u206A\u206Fb\uFFF9c\uFFFB", "abc"},
		{"tags", "a\U000E0001\U000E0041\U000E007Fb", "ab"},
		{"tags after a flag that isn't one", "🏴\U000E0078\U000E0078\U000E007F", "🏴"},
		{"joiners among ASCII", "a\u200Cb\u200Dc", "abc"},
		{"joiner at the end", "👩\u200D", "👩"},
		{"selectors among ASCII", "a\uFE0Fb1\uFE0Fc\U000E0100", "ab1c"},
		{"fillers", "a\u3164\u115F\u1160\uFFA0\u2800b", "a     b"},
		{"private use", "a\uE000\U000F0000\U0010FFFDb", "a���b"},
		{"noncharacters", "\uFDD0\uFFFE\U0001FFFF", "���"},
		{"unassigned", "\u0378", "�"},
		{"surrogates and overlong", "\xed\xa0\x80\xc0\xaf", "�����"},
		{"truncated", "é"[:1], "�"},
		{"zalgo", "Z" + strings.Repeat("\u0335", 40) + "o", "Z" + strings.Repeat("\u0335", 4) + "o"},
		{"spreading marks", "क" + strings.Repeat("\u0903", 20), "क" + strings.Repeat("\u0903", 8)},
		{"mark without a base", "\u0338x \u0338y", "x y"},
		{"tone without a hand", "\U0001F3FDx", "�x"},
		{"endless joining", strings.Repeat("👨\u200D", 9) + "👨",
			strings.Repeat("👨\u200D", 4) + "👨" + strings.Repeat("👨\u200D", 4) + "👨"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, Line(tc.in).String()); d != "" {
				t.Errorf("Line(%q) (-want +got):\n%s", tc.in, d)
			}
		})
	}
}

// realText is text of people; it must stay as it is.
var realText = []string{
	"plain, with “quotes” – dashes… and ₿ € £ © ® ™ ½ ² ∑ → ⇒ ☃ ♥",
	"Größe, naïve, Łódź, Đà Nẵng, Tiếng Việt",
	"e\u0301a\u0302\u0323 decomposed",
	"Привет, мир · Ελληνικά · Հայերեն · ქართული",
	"السلام عليكم ورحمة الله", "العَرَبِيَّةُ", "می\u200Cخواهم خانه\u200Cها",
	"שלום עולם", "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
	"ภาษาไทยที่นี่ น้ำ", "ພາສາລາວ", "မြန်မာဘာသာ ကြောင့်", "ភាសាខ្មែរ", "བོད་སྐད",
	"हिन्दी में क्ष्म और क्\u200Dष", "বাংলা র\u200D্য", "தமிழ்", "ශ්\u200Dරී ලංකා", "മലയാളം", "ಕನ್ನಡ", "తెలుగు",
	"ᠮᠣᠩᠭᠣᠯ", "አማርኛ", "ߒߞߏ",
	"你好，世界　日本語ｶﾞｷﾞ", "葛\U000E0100城", "한국어", "\u1112\u1161\u11AB",
	"👍 👍🏽 👩🏻\u200D❤️\u200D💋\u200D👨🏽 👨\u200D👩\u200D👧\u200D👦 🏳️\u200D🌈 🏴\u200D☠️ 🧑🏿\u200D🚀 ❤️ ✌🏼 ☺︎ 🐦\u200D⬛ 👁️\u200D🗨️",
	"1️⃣ #️⃣ *⃣", "🇩🇪🇫🇷🇯🇵", "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
	"\U0001FAE9 \U0001FADF", // emoji newer than the tables of the standard library
}

func TestRealTextIsKept(t *testing.T) {
	for _, s := range realText {
		if d := cmp.Diff(s, Line(s).String()); d != "" {
			t.Errorf("Line changed real text (-want +got):\n%s\n%+q\n%+q", d, s, Line(s).String())
		}
		if d := cmp.Diff(s, Block(s).String()); d != "" {
			t.Errorf("Block changed real text (-want +got):\n%s", d)
		}
	}
}

func TestBlock(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"a\r\nb\rc\nd\n", "a\nb\nc\nd\n"},
		{"a\vb\fc\u0085d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"},
		{"\tx\nab\ty\tz", "    x\nab  y   z"},
		{"日本\tx", "日本    x"},
		{"a\n\u0338b", "a\nb"},
		{"👩\u200D\n👩", "👩\n👩"},
		{"a\n\x1b[Ab", "a\nb"},
	} {
		if d := cmp.Diff(tc.want, Block(tc.in).String()); d != "" {
			t.Errorf("Block(%q) (-want +got):\n%s", tc.in, d)
		}
	}
}

// checkSafe asserts all that SafeText promises.
func checkSafe(t *testing.T, in, out string, rows bool) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Fatalf("%+q: not UTF-8: %+q", in, out)
	}
	for _, r := range out {
		if rows && r == '\n' {
			continue
		}
		switch {
		case unicode.IsControl(r), unicode.In(r, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp),
			unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Noncharacter_Code_Point, r),
			r == 0x00AD, r == 0x034F, r == 0x115F, r == 0x1160, r == 0x180E, r == 0x200B,
			r >= 0x2060 && r <= 0x206F, r == 0x2800, r == 0x3164, r == 0xFEFF, r == 0xFFA0,
			r >= 0xFFF9 && r <= 0xFFFB, r == 0xE0001:
			t.Fatalf("%+q: %U is left in %+q", in, r, out)
		}
	}
	if got := ansi.Strip(out); got != out {
		t.Fatalf("%+q: an escape sequence is left in %+q", in, out)
	}
	for row := range strings.SplitSeq(out, "\n") {
		// Nothing may reach out of the text: its neighbours keep their own width.
		if w, in := ansi.StringWidth(row), ansi.StringWidth("|"+row+"|"); w+2 != in || w > len(row) {
			t.Fatalf("%+q: %+q is %d cells wide, %d between bars", out, row, w, in)
		}
		for s := row; s != ""; {
			g, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
			if w > 2 || utf8.RuneCountInString(g) > 64 {
				t.Fatalf("%+q: the grapheme %+q is %d cells", row, g, w)
			}
			s = s[len(g):]
		}
	}
}

// TestEveryRune tries each rune alone, before, after and between others.
func TestEveryRune(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		switch { // a sample of the great plains of ideographs, syllables and nothing is enough
		case r >= 0x3400 && r < 0x9FF0, r >= 0xAC00 && r < 0xD7A0, r >= 0xE000 && r < 0xF8F0,
			r >= 0x17000 && r < 0x1AF00, r >= 0x20000 && r < 0xE0000, r >= 0xE0200:
			r += 0x2F
		}
		if !utf8.ValidRune(r) {
			continue
		}
		c := string(r)
		for _, in := range [...]string{c, "a" + c, c + "a", "\u0915" + c + "\u0915", "👩" + c + "👩", " " + c + c + c} {
			out := Line(in).String()
			checkSafe(t, in, out, false)
			if again := Line(out).String(); again != out {
				t.Fatalf("Line(%+q) = %+q, then %+q", in, out, again)
			}
		}
	}
}

func TestTrusted(t *testing.T) {
	if got := Concat(Trusted("✓ "), Line("a\x00"), SafeText{}).String(); got != "✓ a␀" {
		t.Errorf("got %q", got)
	}
	if got := Linef("%s: %d\n%s", Line("x"), 3, "\x1b[1my").String(); got != "x: 3 y" {
		t.Errorf("Linef: %q", got)
	}
}

func TestPlainDoesNotAllocate(t *testing.T) {
	s := strings.Repeat("plain text ", 20)
	if n := testing.AllocsPerRun(100, func() { Line(s); Block(s) }); n != 0 {
		t.Errorf("%v allocations for printable ASCII", n)
	}
}
