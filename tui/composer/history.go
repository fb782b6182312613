package composer

// maxHistory is how many texts are remembered.
const maxHistory = 500

// history holds the texts that were sent, and how far back the user looks.
type history struct {
	texts []string // oldest first
	at    int      // texts behind the draft: 0 is the draft
	draft string
}

// add remembers a text that was sent.
func (h *history) add(text string) {
	if n := len(h.texts); n > 0 && h.texts[n-1] == text {
		return
	}
	h.texts = append(h.texts, text)
	if len(h.texts) > maxHistory {
		h.texts = append(h.texts[:0], h.texts[len(h.texts)-maxHistory:]...)
	}
}

// leave ends looking back: the text is the draft again.
func (h *history) leave() { h.at, h.draft = 0, "" }

// move returns the text before for a step of -1, and for 1 the text after; after the last comes the
// draft. The argument now is the composer's text: the first time, the draft.
func (h *history) move(step int, now string) (string, bool) {
	at := h.at - step
	if at < 0 || at > len(h.texts) {
		return "", false
	}
	if h.at == 0 {
		h.draft = now
	}
	h.at = at
	if at == 0 {
		return h.draft, true
	}
	return h.texts[len(h.texts)-at], true
}
