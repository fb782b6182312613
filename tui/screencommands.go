package tui

import (
	"context"
	"os"
	"strings"

	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/conversation"
	"chat.lan/p2pchat/tui/sanitize"
)

// screenRequest is what one of the screen's own commands does to the model. It is posted like the
// answers of other commands, so that all take effect in the order in which they were typed.
type screenRequest func(m *model)

// screenCommands returns the commands that only a screen has.
func screenCommands(post func(any)) []command.Command {
	return []command.Command{
		{Name: "search", Args: "[TEXT]", Help: "search all messages, as Ctrl+F",
			Run: func(_ command.Env, args string) {
				post(screenRequest(func(m *model) {
					openSearch(m)
					m.current.Search.Find(args)
					m.current.Search.Next(-1)
				}))
			}},
		{Name: "clear", Help: "clear this screen; the messages stay in the room",
			Run: func(command.Env, string) { post(screenRequest(func(m *model) { m.current.Messages.Clear() })) }},
		choice(post, "bell", "ring when a message names you, at each message, or never", []string{"mention", "all", "off"}, func(m *model, word string) {
			m.settings.Bell = conversation.BellMode(word)
			host{m}.Inform(sanitize.Linef("Bell: %s", word))
		}),
		choice(post, "typing", "let others see that you are writing, or not", []string{"on", "off"}, func(m *model, word string) {
			if m.settings.HideTyping = word == "off"; m.settings.HideTyping {
				for _, c := range m.conversations {
					c.StopTyping()
				}
			}
			host{m}.Inform(sanitize.Linef("Others see that you are typing: %s", word))
		}),
		choice(post, "mouse", "let the wheel scroll and a click choose a pane, or leave the mouse to the terminal", []string{"on", "off"}, func(m *model, word string) {
			m.deps.queueAction(func(context.Context) { m.deps.terminal.SetMouse(word == "on") })
			host{m}.Inform(sanitize.Linef("Mouse: %s", word))
		}),
		choice(post, "theme", "colours for a dark or a light background", Themes[:], func(m *model, word string) {
			look, err := DetectLook(word, m.cfg.Look.ASCII, os.Getenv)
			if err != nil {
				m.failWith(err)
				return
			}
			look.Profile = m.cfg.Look.Profile
			m.setTheme(look)
		}),
	}
}

// choice returns a command whose argument is one of some words.
func choice(post func(any), name, help string, words []string, apply func(m *model, word string)) command.Command {
	args := strings.Join(words, "|")
	return command.Command{Name: name, Args: args, Help: help,
		Run: func(e command.Env, arg string) {
			for _, word := range words {
				if strings.EqualFold(arg, word) {
					post(screenRequest(func(m *model) { apply(m, word) }))
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
