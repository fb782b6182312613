package command

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	table := New()
	for _, test := range []struct {
		line          string
		command, args string
		text          string
	}{
		{line: "hello", text: "hello"},
		{line: "  indented ", text: "  indented "},
		{line: ""},
		{line: " \t"},
		{line: "/list", command: "list"},
		{line: "/LIST", command: "list"},
		{line: "/who", command: "list"},
		{line: "/peers\r", command: "list"},
		{line: "/msg  hi there ", command: "msg", args: "hi there"},
		{line: "/msg two\nlines", command: "msg", args: "two\nlines"},
		{line: "//list", text: "/list"},
		{line: "///", text: "//"},
		{line: "/", text: "/"},
		{line: "/ list", text: "/ list"},
		{line: "/usr/bin/env is a path", text: "/usr/bin/env is a path"},
		{line: "/42", text: "/42"},
		{line: " /list", text: " /list"},
		{line: "/привет", text: "/привет"},
	} {
		in := table.Parse(test.line)
		fail := in.Fail
		name := ""
		if in.Command != nil {
			name = in.Command.Name
		}
		if fail != nil || name != test.command || in.Args != test.args || in.Text != test.text {
			t.Errorf("Parse(%q) = %q %q, text %q, %v", test.line, name, in.Args, in.Text, fail)
		}
	}
}

func TestWhatSays(t *testing.T) {
	table := New()
	for line, want := range map[string]bool{"hi": true, "/msg hi": true, "/me waves": true, "/list": false, "/quit": false, "": false} {
		if in := table.Parse(line); in.Fail != nil || in.Says() != want {
			t.Errorf("%q says: %v, %v", line, in.Says(), in.Fail)
		}
	}
}

func TestUnknownCommandsAreNotSent(t *testing.T) {
	w := newWorld()
	for line, hint := range map[string]string{
		"/lsit":                         "did you mean /list? To say it as text, type //lsit",
		"/Stauts":                       "did you mean /status? To say it as text, type //Stauts",
		"/he":                           "did you mean /help? To say it as text, type //he",
		"/qiut now":                     "did you mean /quit? To say it as text, type //qiut",
		"/frobnicate":                   "/help lists the commands; to say it as text, type //frobnicate",
		"/" + strings.Repeat("x", 5000): "/help lists the commands; to say it as text, type //" + strings.Repeat("x", 40),
	} {
		calls, answers := w.do(line)
		if len(calls) != 0 {
			t.Errorf("%.40q was sent: %q", line, calls)
		}
		if len(answers) != 1 {
			t.Fatalf("%.40q: %v", line, answers)
		}
		if f, ok := answers[0].(Fail); !ok || f.Hint != hint || f.Text == "" {
			t.Errorf("%.40q: %+v, want the hint %q", line, answers[0], hint)
		}
	}
}

func TestAddedRowsAreEverywhere(t *testing.T) {
	w := newWorld()
	w.table.Add(Command{Name: "bell", Aliases: []string{"ring"}, Args: "[off|mention|all]", Help: "when to ring",
		Run: func(e Env, args string) { e.Reply(Info{"bell " + args}) }})
	if _, answers := w.do("/ring all"); len(answers) != 1 || answers[0] != (Info{"bell all"}) {
		t.Errorf("answers %v", answers)
	}
	for what, text := range map[string]string{"help": w.table.Help(), "README": markdown(w.table)} {
		if !strings.Contains(text, "when to ring") {
			t.Errorf("the %s doesn't list the new command", what)
		}
	}
	for _, taken := range []string{"bell", "ring", "who", "", "Bell", "a1", "a b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken as a second command", taken)
				}
			}()
			w.table.Add(Command{Name: taken})
		}()
	}
}

func TestHelpIsWhole(t *testing.T) {
	w := newWorld()
	for _, c := range w.table.All() {
		if c.Help == "" || c.Run == nil {
			t.Errorf("/%s has no help or no handler", c.Name)
		}
		_, answers := w.do("/help /" + c.Name)
		if info, ok := answers[0].(Info); !ok || !strings.HasPrefix(info.Text, c.Usage()) {
			t.Errorf("/help %s: %v", c.Name, answers)
		}
	}
	want := "  /msg TEXT                say TEXT, as typing it alone does\n"
	if !strings.HasPrefix(w.table.Help(), want) {
		t.Errorf("the help begins %q", w.table.Help()[:100])
	}
	for line := range strings.Lines(w.table.Help()) {
		if len(line) > 100 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	var got []string
	for _, c := range w.table.All() {
		got = append(got, c.Name)
	}
	want = "msg me nick list verify trust ignore crypto " +
		"propose vote y n proposals accept refuse cancel proof evidence topic unsigned " +
		"connect disconnect export who-has status doctor log help quit"
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
}

// TestTheReadmeListsTheCommands compares the README's table with the code.
func TestTheReadmeListsTheCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(markdown(New())) {
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks the row %q", row)
		}
	}
}

// markdown returns the list of all commands as the table that the README shows.
func markdown(t *Table) string {
	var b strings.Builder
	b.WriteString("| type | to |\n|---|---|\n")
	pipes := strings.NewReplacer("|", `\|`) // a pipe would end a cell, also inside backquotes
	for _, c := range t.rows {
		fmt.Fprintf(&b, "| `%s` | %s |\n", pipes.Replace(c.Usage()), pipes.Replace(c.help()))
	}
	return b.String()
}

func TestComplete(t *testing.T) {
	w := newWorld()
	bob, other := w.env.Label(w.node.peers[0]), w.env.Label(w.node.peers[1])
	for line, want := range map[string][]string{
		"":                nil,
		"hello":           nil,
		"//li":            nil,
		"/li":             {"/list"},
		"/di":             {"/disconnect "},
		"/wh":             {"/who-has"},
		"/whoa":           {"/crypto"},
		"/me":             {"/me "},
		"/x":              nil,
		"/help st":        {"/help status"},
		"/verify b":       {"/verify " + other, "/verify " + bob},
		"/verify ali":     nil, // oneself
		"/verify carol":   {"/verify Carol Yes"},
		"/verify rusty ":  {"/verify rusty yes", "/verify rusty no"},
		"/verify rusty Y": {"/verify rusty yes"},
		"/ignore rusty ":  {"/ignore rusty off"},
		"/ignore nix o":   nil,
		"/nick b":         nil,
	} {
		var got []string
		for _, c := range w.table.Complete(w.env, line) {
			got = append(got, c.Line)
		}
		if len(got) == 2 && strings.HasPrefix(line, "/verify b") && got[0] == want[1] {
			got[0], got[1] = got[1], got[0]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Complete(%q): %s", line, diff)
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{"hello", "/list", "//x", "/msg hi", "/verify bob yes", "/ignore bob off", "/connect [::1]:1",
		"/nick \x1b[31m", "/", "/ ", "/lsit", "/help", "/connect fe80::1%eth0", "/verify yes yes yes", "/disconnect alice"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		w := newWorld()
		in := w.table.Parse(line)
		fail := in.Fail
		switch {
		case fail != nil:
			if in.Text != "" || in.Command != nil || line[0] != '/' {
				t.Fatalf("refused (%v) and understood (%+v)", fail, in)
			}
		case in.Command != nil:
			if line[0] != '/' || in.Text != "" {
				t.Fatalf("%+v", in)
			}
		case in.Text != "" && in.Text != line && "/"+in.Text != line:
			t.Fatalf("said %q", in.Text)
		case in.Text == "" && strings.TrimSpace(line) != "":
			t.Fatal("nothing is made of it")
		}
		if strings.HasPrefix(line, "/") { // one more slash makes text of anything
			if in := w.table.Parse("/" + line); in.Fail != nil || in.Text != line {
				t.Fatalf("escaped: %+v, %v", in, fail)
			}
		}
		calls, answers := w.do(line)
		if strings.TrimSpace(line) != "" && len(calls)+len(answers) == 0 {
			t.Fatal("nothing was done and nothing said")
		}
		if fail != nil && len(calls) != 0 {
			t.Fatalf("an unknown command was sent: %q", calls)
		}
		for _, c := range w.table.Complete(w.env, line) {
			if c.Line == "" || c.Line[0] != '/' {
				t.Fatalf("completion %+v", c)
			}
		}
	})
}
