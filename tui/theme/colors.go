package theme

// colors holds the colours of the styles for a kind of background. They are of the 256 colours, which
// look alike on every terminal, and are mapped to the 16 where there are no more.
//
// The colours of names have a contrast of at least 4.5 on the background. Among those they are as far as
// possible from each other, and from text, dim, accent, warn and bad. More of them would be harder to
// tell apart; fewer would be shared by more people.
type colors struct {
	dim, accent, good, warn, bad     string
	bar, barText, barStrong, barWarn string
	banner, bannerText               string
	mention, hit, hitText            string
	names                            []string
}

var dark = colors{
	dim: "245", accent: "44", good: "78", warn: "214", bad: "203",
	bar: "236", barText: "250", barStrong: "231", barWarn: "214",
	banner: "24", bannerText: "231",
	mention: "222", hit: "220", hitText: "16",
	names: []string{
		"75", "213", "225", "106", "194", "217", "191", "117", "105", "205", "36", "159",
		"38", "50", "180", "120", "172", "149", "182", "108", "73", "173", "151", "147",
	},
}

var light = colors{
	dim: "243", accent: "30", good: "28", warn: "130", bad: "160",
	bar: "254", barText: "238", barStrong: "16", barWarn: "130",
	banner: "153", bannerText: "16",
	mention: "94", hit: "220", hitText: "16",
	names: []string{
		"25", "17", "163", "52", "55", "58", "89", "161", "96", "63", "22", "131",
		"29", "24", "53", "88", "125", "94", "126", "97", "90", "124", "162", "26",
	},
}
