package roster

import (
	"cmp"
	"slices"
	"strings"

	"chat.lan/p2pchat/net/lookalike"
)

// minID is the length from which hex that is a peer's id means no other peer.
const minID = 32

// Find returns the ids of the peers that text, as a person typed it, may mean, ordered by label.
// The caller asks back where there is more than one. Text may be
//
//   - a label, with or without the suffix, in any case: bob, bob·91c0, or bob.91c0, which can
//     be typed; a shorter or longer suffix works too; or an id;
//   - where no name is exactly so, the beginning of one, or of an id;
//   - at least four hex digits of the beginning of a key. Those count beside names, since
//     anyone can take a name that looks like another's key, or make a key that begins like
//     another's name.
//
// An @ before it is ignored. A name without a suffix means every peer whose name looks like it:
// only a person can say which. Peers that were removed are found only if no other is.
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
	if found := r.findLocked(text, false); len(found) > 0 {
		return found
	}
	return r.findLocked(text, true)
}

// findLocked searches the peers that are here, or those that are gone.
func (r *Roster) findLocked(text string, gone bool) []string {
	look := lookalike.Skeleton(text)
	name, digits := splitSuffix(text)
	named, prefix := lookalike.Skeleton(name), strings.ToLower(strings.ReplaceAll(text, "-", ""))
	byKey := len(prefix) >= minDigits && isHex(prefix)

	var exact, begins, keyed []*entry
	for _, e := range r.peers {
		switch {
		case (e.gone != 0) != gone:
		case e.look == look, e.id == text,
			digits != "" && e.look == named && strings.HasPrefix(e.tag, digits):
			exact = append(exact, e)
		case byKey && strings.HasPrefix(e.tag, prefix):
			keyed = append(keyed, e)
		case strings.HasPrefix(e.look, look),
			len(text) >= minDigits && strings.HasPrefix(e.id, text):
			begins = append(begins, e)
		}
	}
	if len(exact) > 0 {
		return r.orderedLocked(append(exact, keyed...))
	}
	return r.orderedLocked(append(begins, keyed...))
}

// splitSuffix splits bob·91c0 or bob.91c0. Digits is empty where there is no suffix.
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

// orderedLocked returns the ids of es by label, then id.
func (r *Roster) orderedLocked(es []*entry) []string {
	labels := make(map[string]string, len(es))
	ids := make([]string, len(es))
	for i, e := range es {
		ids[i] = e.id
		labels[e.id] = r.labelLocked(e.id).String()
	}
	slices.SortFunc(ids, func(x, y string) int {
		return cmp.Or(strings.Compare(labels[x], labels[y]), strings.Compare(x, y))
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
	// Only case and compatibility forms are folded: with lookalikes, 0 would complete to O.
	look := lookalike.Fold(prefix)
	typed := lookalike.Fold(strings.ReplaceAll(prefix, ".", "·"))
	var labels []string
	for _, e := range r.peers {
		if e.gone != 0 {
			continue
		}
		label := r.labelLocked(e.id).String()
		if l := lookalike.Fold(label); strings.HasPrefix(l, look) || strings.HasPrefix(l, typed) {
			labels = append(labels, at+label)
		}
	}
	slices.Sort(labels)
	return labels
}
