package profile

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/adrg/xdg"

	"chat.lan/p2pchat/net/wire"
)

// MaxName is the longest name, in bytes.
const MaxName = 64

// CheckName reports what is wrong with a name that the user wants.
func CheckName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("a name can't be empty")
	case len(name) > MaxName:
		return fmt.Errorf("a name has at most %d bytes, not %d", MaxName, len(name))
	case !utf8.ValidString(name):
		return fmt.Errorf("name %q is not UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("name %q has control characters in it", name)
	}
	return nil
}

// Dir returns the folder for a name: $XDG_DATA_HOME/p2pchat/<name>. The name is in lower case, and
// every byte but [a-z0-9_-] is percent-encoded. So no name is a path, and names that differ in case
// only are one profile on every file system. The error says that the system names no folder of this user.
func Dir(name string) (string, error) {
	if _, err := os.UserHomeDir(); err != nil && !filepath.IsAbs(os.Getenv("XDG_DATA_HOME")) {
		return "", fmt.Errorf("there is no folder for a profile: %w: choose one with --profile", err)
	}
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(name)) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	folder := b.String()
	if folder != "" && !filepath.IsLocal(folder) {
		folder = fmt.Sprintf("%%%02X", folder[0]) + folder[1:] // con, nul … on Windows
	}
	return filepath.Join(xdg.DataHome, "p2pchat", folder), nil
}

// LoginName returns the login name of the user, changed to pass CheckName.
func LoginName() string {
	var candidates []string
	if u, err := user.Current(); err == nil {
		candidates = append(candidates, u.Username)
	}
	candidates = append(candidates, os.Getenv("USER"), os.Getenv("LOGNAME"), os.Getenv("USERNAME"))
	for _, name := range candidates {
		name = name[strings.LastIndexByte(name, '\\')+1:] // Windows: DOMAIN\user
		name = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(name, ""))
		if name = cutName(strings.TrimSpace(name), MaxName); CheckName(name) == nil {
			return name
		}
	}
	return "someone"
}

// cutName shortens a name to at most n bytes, without a space at its end.
func cutName(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.TrimSpace(wire.TruncateUTF8(s, n))
}
