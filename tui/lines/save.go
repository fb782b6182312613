package lines

import (
	"os"

	"chat.lan/p2pchat/tui/command"
)

// save writes what a command asks to be written, never over a file that is there.
func save(s command.Save) command.Answer {
	f, err := os.OpenFile(s.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		_, err = f.Write(s.Data)
		if closed := f.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return command.Fail{Text: "nothing was saved: " + err.Error(), Hint: "choose another file"}
	}
	return command.Info{Text: s.Done}
}
