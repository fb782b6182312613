package tui

import (
	"fmt"
	"io"

	"github.com/muesli/termenv"

	"chat.lan/p2pchat/tui/background"
	"chat.lan/p2pchat/tui/theme"
)

// Themes are the values of --theme and /theme.
var Themes = [...]string{"auto", "dark", "light"}

// DetectLook reads from the flags and the environment what the terminal can show. It never asks the
// terminal, which may not answer. Getenv is os.Getenv but in tests.
func DetectLook(name string, ascii bool, getenv func(string) string) (theme.Look, error) {
	look := theme.Look{Profile: colorProfile(getenv), ASCII: ascii}
	switch name {
	case "auto", "":
		look.Light = !background.Dark(getenv("COLORFGBG"))
	case "dark":
	case "light":
		look.Light = true
	default:
		return look, fmt.Errorf("%.40q is no theme: choose auto, dark or light", name)
	}
	return look, nil
}

// colorProfile returns how many colours there are. A NO_COLOR that isn't empty means none.
func colorProfile(getenv func(string) string) termenv.Profile {
	if getenv("NO_COLOR") != "" {
		return termenv.Ascii
	}
	out := termenv.NewOutput(io.Discard, termenv.WithEnvironment(environ(getenv)), termenv.WithTTY(true), termenv.WithUnsafe())
	return out.EnvColorProfile()
}

// environ is an environment from which termenv only reads single values.
type environ func(string) string

func (e environ) Getenv(key string) string { return e(key) }
func (e environ) Environ() []string        { return nil }
