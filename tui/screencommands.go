package tui

import (
	"strings"

	"chat.lan/p2pchat/tui/command"
)

// What the screen's own commands answer: requests to the model, which get to it in the order in which
// they were typed.
type (
	clearScreen struct{}
	setBell     struct{ mode bellMode }
	setTyping   struct{ on bool }
	setMouse    struct{ on bool }
	setTheme    struct{ name string }
	searchText  struct{ text string }
)

// Answer is "": these are for the screen alone.
func (clearScreen) Answer() string { return "" }
func (setBell) Answer() string     { return "" }
func (setTyping) Answer() string   { return "" }
func (setMouse) Answer() string    { return "" }
func (setTheme) Answer() string    { return "" }
func (searchText) Answer() string  { return "" }

// screenCommands are the commands that only a screen has.
func screenCommands() []command.Command {
	return []command.Command{
		{Name: "search", Args: "[TEXT]", Help: "search what was said, as Ctrl+F",
			Run: func(e command.Env, args string) { e.Reply(searchText{args}) }},
		{Name: "clear", Help: "take what was said off this screen; it stays in the room",
			Run: func(e command.Env, _ string) { e.Reply(clearScreen{}) }},
		choice("bell", "ring when somebody names you, at each line, or never", []string{"mention", "all", "off"},
			func(word string) command.Answer { return setBell{bellMode(word)} }),
		choice("typing", "let others see that you are writing, or not", []string{"on", "off"},
			func(word string) command.Answer { return setTyping{word == "on"} }),
		choice("mouse", "let the wheel scroll and a click choose a pane, or leave the mouse to the terminal", []string{"on", "off"},
			func(word string) command.Answer { return setMouse{word == "on"} }),
		choice("theme", "colours for a dark or a light background", Themes[:],
			func(word string) command.Answer { return setTheme{word} }),
	}
}

// CommandsMarkdown is the table of the screen's own commands as the README shows it.
func CommandsMarkdown() string {
	var b strings.Builder
	for _, c := range screenCommands() {
		b.WriteString("| `" + strings.ReplaceAll(c.Usage(), "|", `\|`) + "` | " + c.Help + " |\n")
	}
	return b.String()
}

// choice is a command whose argument is one of some words.
func choice(name, help string, words []string, answer func(word string) command.Answer) command.Command {
	args := strings.Join(words, "|")
	return command.Command{Name: name, Args: args, Help: help,
		Run: func(e command.Env, arg string) {
			for _, word := range words {
				if strings.EqualFold(arg, word) {
					e.Reply(answer(word))
					return
				}
			}
			e.Reply(command.Fail{Text: "/" + name + " knows no such word", Hint: "type /" + name + " " + args})
		},
		Complete: func(_ command.Env, arg string) (out []string) {
			for _, word := range words {
				if strings.HasPrefix(word, strings.ToLower(arg)) {
					out = append(out, word)
				}
			}
			return out
		},
	}
}
