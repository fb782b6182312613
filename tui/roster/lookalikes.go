package roster

import (
	"slices"

	"chat.lan/p2pchat/net/lookalike"
	"chat.lan/p2pchat/tui/sanitize"
)

// lookalikes are the peers whose names look the same.
type lookalikes struct {
	members []*entry
	clashed bool // and stays so
}

// joinLocked adds e to the peers whose names have that look, and gives each the digits that set it apart.
func (r *Roster) joinLocked(e *entry, look string) {
	l := r.byLook[look]
	if l == nil {
		l = &lookalikes{clashed: isReserved(look)}
		r.byLook[look] = l
	}
	for _, o := range l.members {
		n := minDigits
		for n < len(e.tag) && n < len(o.tag) && e.tag[:n] == o.tag[:n] {
			n++
		}
		e.digits, o.digits = max(e.digits, n), max(o.digits, n)
		l.clashed = true
	}
	l.members = append(l.members, e)
	e.look = look
}

// leaveLocked takes e out of its lookalikes. A name that clashed stays so, for the next peer that takes it.
func (r *Roster) leaveLocked(e *entry) {
	l := r.byLook[e.look]
	if l == nil {
		return
	}
	l.members = slices.DeleteFunc(l.members, func(o *entry) bool { return o == e })
	if len(l.members) == 0 && !l.clashed {
		delete(r.byLook, e.look)
	}
	e.look = ""
}

// isReserved reports whether a name looks like one that the program itself uses: "you" stands over the
// local peer's messages, and "?" for peers without a name. Peers so called always have a suffix.
func isReserved(look string) bool {
	return look == lookalike.Skeleton("you") || look == lookalike.Skeleton(sanitize.Nameless)
}
