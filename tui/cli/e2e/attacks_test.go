package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/wire"
)

// Records whose clocks have the greatest counter there is mute no one, neither those who hear them nor those who load
// them from disk at their next start.
func TestAttackOnClocks(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ann, ben := friends(t, home)
	a := newAttacker(t)
	eve := a.link(ann, a.config(0))
	author := hostile.NewAuthor(eve.Identity(), eve.Room())
	if err := eve.Send(hostile.Frame(author.Open(1, "Eve"))); err != nil {
		t.Fatal(err)
	}
	for n, ahead := range []time.Duration{0, 4 * time.Minute} {
		author.Stamp = func() record.Time {
			return record.Time{Ms: time.Now().Add(ahead).UnixMilli(), N: hostile.MaxCounter}
		}
		text := fmt.Sprint("tick ", n)
		if err := eve.Send(hostile.Frame(author.Say(text))); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*peer{ann, ben} {
			p.until(text, func(h happened) bool { return h.Event == "message" && h.Content == text })
		}
		exchange(t, text, time.Second, ann, ben)
	}
	ann.quits()
	ben.sees("left", ann)
	ann = begin(t, program(t, home, alone("--name", "Ann", "--connect", addrOf(ben))...))
	ann.sees("up", ben)
	exchange(t, "after a start", time.Second, ann, ben)
	if h := status(ann); h.Records < 8 {
		t.Errorf("%d records after the start", h.Records)
	}
}

// A stranger can't make the program believe that its profile was started elsewhere.
func TestAttackByReplaced(t *testing.T) {
	t.Parallel()
	ann, ben := friends(t, t.TempDir())
	a := newAttacker(t)
	for n := range 5 {
		eve := a.link(ann, a.config(n))
		if err := eve.Bye(wire.ByeReplaced); err != nil {
			t.Fatal(err)
		}
		<-eve.Ended()
	}
	exchange(t, "still the same", time.Second, ann, ben)
	for _, h := range ann.all() {
		if strings.Contains(h.raw, "started elsewhere") && h.Event == "error" {
			t.Errorf("believed: %s", h.raw)
		}
	}
}

// After 100 bad signatures the forger gets a Bye, is named, and stays away for a minute.
func TestAttackByForgeries(t *testing.T) {
	t.Parallel()
	ann, ben := friends(t, t.TempDir())
	a := newAttacker(t)
	cfg := a.config(0)
	cfg.Name = "Mallory"
	eve := a.link(ann, cfg)
	author := hostile.NewAuthor(eve.Identity(), eve.Room())
	began := time.Now()
	sent := 0
	for deadline := began.Add(lasting(5 * time.Second)); time.Now().Before(deadline); {
		n, err := eve.SendAll(hostile.Forgeries(author.Open(1, "x"), 100))
		if sent += n; err != nil {
			break
		}
	}
	select {
	case <-eve.Ended():
	case <-time.After(slack):
		t.Fatalf("still linked after %d forgeries in %v", sent, time.Since(began))
	}
	t.Logf("ended with %q after %v", eve.ByeReason(), time.Since(began).Round(time.Millisecond))
	ann.until("the forger's name", func(h happened) bool {
		return strings.Contains(h.Text, "Mallory") && strings.Contains(h.Text, "forged")
	})
	if _, err := hostile.Dial(t.Context(), &net.Dialer{}, addrOf(ann), cfg); err == nil {
		t.Error("the forger is let in again at once")
	}
	exchange(t, "beside a forger", time.Second, ann, ben)
	if !*longAttacks {
		return
	}
	for time.Since(began) < time.Minute-slack {
		if again, err := hostile.Dial(t.Context(), &net.Dialer{}, addrOf(ann), cfg); err == nil {
			t.Fatalf("let in again after %v: %q", time.Since(began), again.Hello().Name)
		}
		pause(5 * time.Second)
	}
	pause(2 * slack)
	a.link(ann, cfg)
}

// pause waits between two looks at a program.
func pause(d time.Duration) { <-time.After(d) }

// A key that takes 4,200 names pushes out no one's: after a start a false Bob is still told from the true one, and so is
// a false Zed. Which name went, at the same age, was a question of the alphabet.
func TestAttackOnNames(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	start := func() *peer { return begin(t, program(t, home, alone("--name", "Ann")...)) }
	ann := start()
	names := []string{"Bob", "Zed"}
	keys := map[string]string{}
	for _, name := range names {
		p := begin(t, program(t, home, alone("--name", name, "--connect", addrOf(ann))...))
		ann.sees("up", p)
		keys[name] = p.ready.Key
		p.quits()
		ann.sees("left", p)
	}
	a := newAttacker(t)
	eve := a.link(ann, a.config(0))
	author := hostile.NewAuthor(eve.Identity(), eve.Room())
	if err := eve.Send(hostile.Frame(author.Open(1, "Eve"))); err != nil {
		t.Fatal(err)
	}
	mask := func(n int) string { return fmt.Sprint("mask ", n) } // between the two
	if n, err := eve.SendAll(hostile.Names(author, mask, 4200)); err != nil {
		t.Fatal(n, err)
	}
	if err := eve.Send(hostile.Frame(author.Say("done"))); err != nil {
		t.Fatal(err)
	}
	ann.until("the last name", func(h happened) bool { return h.Content == "done" })
	ann.quits()
	known, err := os.ReadFile(filepath.Join(ann.ready.Profile, "known.json"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("known.json has %d bytes", len(known))
	ann = start()
	for n, name := range names {
		cfg := a.config(1 + n)
		cfg.Name = name
		a.link(ann, cfg)
		warning := "is not the " + name + " you met before"
		ann.until("the false "+name, func(h happened) bool { return h.Event == "peer" && h.Name == name && h.State == "up" })
		next := 0
		h, ok := ann.within(10*time.Second, &next, func(h happened) bool { return strings.Contains(h.Text, warning) })
		if !ok || !strings.Contains(h.Text, keys[name][:4]) {
			t.Errorf("no warning of the false %s: %s", name, h.Text)
		}
	}
}

// Two liars, linked first, claim a room's history and answer without end. A newcomer has it 10 s after it reached honest
// peers.
func TestAttackOnNewcomers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	t.Parallel()
	home := t.TempDir()
	ann, ben := friends(t, home)
	a := newAttacker(t)
	var library hostile.Library
	spy := a.config(0)
	spy.Receive = library.Take
	a.link(ann, spy)
	for n := range 50 {
		ann.says(fmt.Sprint("line ", n))
	}
	ben.hears(ann, "line 49")
	newcomer := begin(t, program(t, home, alone("--name", "New")...))
	for n := range 2 {
		cfg := a.config(1 + n)
		cfg.Conduct = hostile.Conduct{Claim: library.Holdings, Answer: hostile.Endlessly(time.Second)}
		liar := a.link(newcomer, cfg)
		if err := liar.SendFrontier(true); err != nil {
			t.Fatal(err)
		}
	}
	pause(time.Second)
	began := time.Now()
	newcomer.says("/connect "+addrOf(ann), "/connect "+addrOf(ben))
	newcomer.sees("up", ann)
	h, ok := newcomer.within(2*patience, new(int), func(h happened) bool { return h.Content == "line 49" })
	if !ok {
		t.Fatal("the newcomer never gets the history")
	}
	soon(t, "the whole history beside two liars", began, h.at, 10*time.Second)
}

// A line over 1 MiB ends the connection, whatever its size.
func TestAttackByALongLine(t *testing.T) {
	t.Parallel()
	ann, ben := friends(t, t.TempDir())
	conn, err := net.Dial("tcp", addrOf(ann))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	most := 1 << 30
	if !*longAttacks {
		most = 64 << 20
	}
	conn.SetDeadline(time.Now().Add(patience))
	sent, err := io.CopyN(conn, endless{}, int64(most))
	// What the program reads no more, the two systems take beside it.
	t.Logf("%d bytes were taken: %v", sent, err)
	if err == nil {
		t.Errorf("a line of %d bytes is taken", sent)
	} else if sent > 24<<20 {
		t.Errorf("%d bytes of one line were taken", sent)
	}
	exchange(t, "beside a long line", time.Second, ann, ben)
	messages := 0
	for _, h := range ann.all() {
		if h.Event == "message" && h.FromID != ben.ready.ID {
			messages++
		}
	}
	t.Logf("%d messages", messages)
	if messages > 1<<20/(4<<10) {
		t.Errorf("the line came as %d messages", messages)
	}
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("x"), len(b))), nil }

// A single changed bit in identity.pem is noticed: the program doesn't start as someone else.
func TestChangedIdentityFile(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ann := begin(t, program(t, home, alone("--name", "Ann")...))
	ann.quits()
	file := filepath.Join(ann.ready.Profile, "identity.pem")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		bad := flipKeyBit(t, text, rng)
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := program(t, home, alone("--name", "Ann")...)
		cmd.Stdin = strings.NewReader("/quit\n")
		code, _, errs := finish(t, cmd)
		if code != exitError || !strings.Contains(errs, "identity.pem") {
			t.Errorf("exit %d, %q", code, errs)
		}
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if again := begin(t, program(t, home, alone("--name", "Ann")...)); again.ready.Key != ann.ready.Key {
		t.Error("the restored file is another identity")
	}
}

// flipKeyBit changes a bit of the private key's own bytes, which are the last 32 of the first block.
func flipKeyBit(t *testing.T, text []byte, rng *rand.Rand) []byte {
	t.Helper()
	_, rest, _ := bytes.Cut(text, []byte("-----BEGIN PRIVATE KEY-----\n"))
	body, _, found := bytes.Cut(rest, []byte("\n-----END"))
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(body), "\n", ""))
	if !found || err != nil || len(raw) < 32 {
		t.Fatalf("no private key in %d bytes: %v", len(text), err)
	}
	raw[len(raw)-1-rng.IntN(32)] ^= 1 << rng.IntN(8)
	return bytes.Replace(text, body, []byte(base64.StdEncoding.EncodeToString(raw)), 1)
}
