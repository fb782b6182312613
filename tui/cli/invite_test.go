package cli

import (
	"path/filepath"
	"testing"

	"chat.lan/p2pchat/net/discovery"
)

func TestInviteCommand(t *testing.T) {
	path := filepath.FromSlash
	for _, c := range []struct{ executable, arg0, want string }{
		{path("/home/a/p2pchat"), "p2pchat", "p2pchat"},
		{path("/home/a/p2pchat"), path("./p2pchat"), path("./p2pchat")},
		{path("/home/a/my chat"), path("./my chat"), "'" + path("./my chat") + "'"},
		{path("/home/a/p2pchat"), path("/home/a/very/deep/in/the/tree/of/folders/p2pchat"), "p2pchat"},
		{path("/tmp/go-build42/b001/exe/p2pchat"), path("/tmp/go-build42/b001/exe/p2pchat"), "go run ."},
		{"", "p2pchat", "p2pchat"},
	} {
		if filepath.Separator != '/' && c.want[0] == '\'' {
			continue // a backslash is quoted too
		}
		if got := programNameFor(c.executable, c.arg0); got != c.want && got != quoteForShell(c.want) {
			t.Errorf("programNameFor(%q, %q) = %q, want %q", c.executable, c.arg0, got, c.want)
		}
	}
	f := flags{room: defaultRoom, discoveryPort: discovery.Port}
	if got, want := f.inviteCommand("p2pchat"), "p2pchat start"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	f = flags{room: "it's here", interfaces: []string{"lo", "eth0"}, discoveryPort: 4711}
	if got, want := f.inviteCommand("go run ."), `go run . start --room 'it'\''s here' --interface lo --interface eth0 --discovery-port 4711`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
