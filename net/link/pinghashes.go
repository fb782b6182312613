package link

// allEvery says that each such ping carries all hashes, whether they have changed or not.
const allEvery = 6

// pingHashes leaves out of the pings of one link what the pings before have said.
type pingHashes struct {
	pings int
	said  map[string]string // room → hash, as the pings so far have said them
}

// next returns the hashes that the next ping says, of those that hold now.
func (h *pingHashes) next(now map[string]string) map[string]string {
	all := h.pings%allEvery == 0
	h.pings++
	if all {
		h.said = now
		return now
	}
	var changed map[string]string
	for room, hash := range now {
		if h.said[room] != hash {
			if changed == nil {
				changed = map[string]string{}
			}
			changed[room] = hash
		}
	}
	h.said = now
	return changed
}
