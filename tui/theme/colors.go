package theme

// colors are what the tokens look like on one kind of background. Values are of the 256 colours, so
// that they look alike on every terminal and come down to the 16 where there are no more.
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
	names: []string{"75", "114", "180", "176", "80", "209", "147", "150", "216", "111", "183", "79"},
}

var light = colors{
	dim: "243", accent: "30", good: "28", warn: "130", bad: "160",
	bar: "254", barText: "238", barStrong: "16", barWarn: "130",
	banner: "153", bannerText: "16",
	mention: "94", hit: "220", hitText: "16",
	names: []string{"25", "28", "94", "90", "30", "124", "61", "64", "130", "26", "97", "23"},
}
