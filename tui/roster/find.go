package roster

import (
	"slices"
	"strings"
)

// minID is the length from which hex that is somebody's id means nobody else.
const minID = 32

// Find returns the ids of the peers that text, as a person typed it, may mean, ordered by label;
// the caller asks back where there is more than one. Text may be
//
//   - a label, with or without the suffix, in any case: bob, bob·91c0, or bob.91c0, which can
//     be typed; a shorter or longer suffix does too; or an id;
//   - where no name is just so, the beginning of one, or of an id;
//   - at least four hex digits of the beginning of a key. They count beside names, since
//     anybody can take a name that looks like another's key, or make a key that begins like
//     another's name.
//
// An @ before it is ignored. A name without a suffix means everybody whose name looks like it:
// which one was meant is for a person to say. Peers that were removed are found only if no other
// is.
func (r *Roster) Find(text string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "@"))
	if text == "" {
		return nil
	}
	if _, ok := r.peers[text]; ok && len(text) >= minID && isHex(strings.ReplaceAll(text, "-", "")) {
		return []string{text}
	}
	if found := r.find(text, false); len(found) > 0 {
		return found
	}
	return r.find(text, true)
}

// find is Find among the peers that are here, or among those gone.
func (r *Roster) find(text string, gone bool) []string {
	seems := Skeleton(text)
	name, digits := splitSuffix(text)
	named, prefix := Skeleton(name), strings.ToLower(strings.ReplaceAll(text, "-", ""))
	byKey := len(prefix) >= minDigits && isHex(prefix)

	var exact, begins, keyed []*entry
	for _, e := range r.peers {
		switch {
		case (e.gone != 0) != gone:
		case e.look == seems, e.id == text,
			digits != "" && e.look == named && strings.HasPrefix(e.tag, digits):
			exact = append(exact, e)
		case byKey && strings.HasPrefix(e.tag, prefix):
			keyed = append(keyed, e)
		case strings.HasPrefix(e.look, seems),
			len(text) >= minDigits && strings.HasPrefix(e.id, text):
			begins = append(begins, e)
		}
	}
	if len(exact) > 0 {
		return r.ordered(append(exact, keyed...))
	}
	return r.ordered(append(begins, keyed...))
}

// splitSuffix takes bob·91c0 or bob.91c0 apart. Digits is empty where there is no suffix.
func splitSuffix(text string) (name, digits string) {
	i := strings.LastIndexAny(text, "·.")
	if i <= 0 {
		return text, ""
	}
	digits = strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(text[i:], "·"), "."))
	if digits == "" || !isHex(digits) {
		return text, ""
	}
	return text[:i], digits
}

// ordered returns the ids of es by label, then id.
func (r *Roster) ordered(es []*entry) []string {
	labels := make(map[string]string, len(es))
	ids := make([]string, len(es))
	for i, e := range es {
		ids[i] = e.id
		labels[e.id] = r.label(e.id).String()
	}
	slices.SortFunc(ids, func(x, y string) int {
		if c := strings.Compare(labels[x], labels[y]); c != 0 {
			return c
		}
		return strings.Compare(x, y)
	})
	return ids
}

// Complete returns the labels, in order, of the peers here whose label begins with prefix in any
// case. With an @ before prefix the labels have one too; an empty prefix gives all.
func (r *Roster) Complete(prefix string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	at := ""
	if p, ok := strings.CutPrefix(prefix, "@"); ok {
		at, prefix = "@", p
	}
	// Case is folded by Skeleton's rules less its look-alikes, or 0 would complete to O.
	seems := plainFold(prefix)
	typed := plainFold(strings.ReplaceAll(prefix, ".", "·"))
	var labels []string
	for _, e := range r.peers {
		if e.gone != 0 {
			continue
		}
		label := r.label(e.id).String()
		if l := plainFold(label); strings.HasPrefix(l, seems) || strings.HasPrefix(l, typed) {
			labels = append(labels, at+label)
		}
	}
	slices.Sort(labels)
	return labels
}
