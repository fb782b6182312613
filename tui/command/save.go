package command

import (
	"errors"
	"io"
	"os"
)

// Save asks the mode to write a file. The file must not exist yet: Write never overwrites one.
type Save struct {
	Path string
	Data []byte
	Done string // what to say then

	// Fill, if set, writes the file in place of Data, and returns what to say then.
	Fill func(io.Writer) (done string, err error)
}

// Write writes the file and answers what came of it. It waits for the disk.
func (s Save) Write() Answer {
	f, err := os.OpenFile(s.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		if s.Fill != nil {
			s.Done, err = s.Fill(f)
		} else {
			_, err = f.Write(s.Data)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(s.Path) // half of it is of no use
		}
	}
	if err != nil {
		return Fail{Text: "nothing was saved: " + err.Error(), Hint: "choose another file"}
	}
	return Info{Text: s.Done}
}
