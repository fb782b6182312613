package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where p2pchat is at the address, and can be found, the conversation is encrypted.
func TestAskFindsANativePeer(t *testing.T) {
	l := newLAN(t, "ask", "red")
	one, two := l.host("one", "10.77.0.1/16@red"), l.host("two", "10.77.0.2/16@red")
	server := begin(t, one.command("--port", "8123"))
	cmd := two.command("--ask")
	var args []string
	for _, a := range cmd.Args {
		if a != "--json" {
			args = append(args, a)
		}
	}
	cmd.Args = args
	client := talk(t, "two", cmd)
	client.shows(askAddress)
	client.types("10.77.0.1:8123")
	client.shows("Connected to peer!\n")
	client.types("hello")
	h := server.until("the line", func(h happened) bool { return h.Event == "message" })
	if h.Content != "hello" || h.Signature != "verified" || h.Kind != "native" {
		t.Errorf("%+v", h)
	}
	server.says("hi")
	client.shows("Peer: hi\n")
	_, text := client.ends()
	if d := cmp.Diff(askAddress+"Connecting to 10.77.0.1:8123...\nConnected to peer!\nPeer: hi\n", text); d != "" {
		t.Error(d)
	}
}
