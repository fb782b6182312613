package command

import (
	"errors"
	"fmt"
)

// unknownError says that a line looks like a command and isn't one.
type unknownError struct {
	Name    string // as typed, letters only
	Nearest string // the known name that is nearest, or ""
}

// Error returns the name that was typed, as an error.
func (e *unknownError) Error() string { return fmt.Sprintf("there is no command /%.40s", e.Name) }

// Hint returns the next step.
func (e *unknownError) Hint() string {
	if e.Nearest != "" {
		return fmt.Sprintf("did you mean /%s? To say it as text, type //%.40s", e.Nearest, e.Name)
	}
	return fmt.Sprintf("/help lists the commands; to say it as text, type //%.40s", e.Name)
}

// FailFrom returns an error as an answer, with its hint if it has one.
func FailFrom(err error) Fail {
	f := Fail{Text: err.Error()}
	if h := (interface{ Hint() string })(nil); errors.As(err, &h) {
		f.Hint = h.Hint()
	}
	return f
}

// nearest returns the known name that was probably meant, or "". That is one that begins with the typed
// letters, else one that differs by at most a third of them, and by at most three.
func (t *Table) nearest(typed string) string {
	best, least := "", min(max(len(typed)/3, 1), 3)+1
	for _, c := range t.rows {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if len(typed) < len(name) && name[:len(typed)] == typed {
				return name
			}
			if d := distance(typed, name); d < least {
				best, least = name, d
			}
		}
	}
	return best
}

// distance returns how many letters to insert, drop, replace or swap with their neighbour to make a into b
// (optimal string alignment). Strings longer than any command are simply far apart.
func distance(a, b string) int {
	const far = 99
	if len(a) > 24 || len(b) > 24 {
		return far
	}
	var before, last, row [25]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
