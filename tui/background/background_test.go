package background_test

import (
	"testing"

	"chat.lan/p2pchat/tui/background"
)

func TestDarkReadsCOLORFGBG(t *testing.T) {
	for value, dark := range map[string]bool{
		"":               true,
		"15;0":           true,
		"0;15":           false,
		"0;7":            false,
		"7;8":            true,
		"12;default;8":   true,
		"0;default;15":   false,
		"0;default":      true,
		"15":             true, // no pair, so it says nothing about the background
		"0;":             true,
		"0;-1":           true,
		"0;99999999999":  true,
		"0;15\x1b[31m":   true,
		";;;;;;;;;;;;15": false,
	} {
		if got := background.Dark(value); got != dark {
			t.Errorf("Dark(%q) = %v, want %v", value, got, dark)
		}
	}
}
