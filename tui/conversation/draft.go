package conversation

import "chat.lan/p2pchat/tui/composer"

// Insert types text into the draft, at the cursor.
func (c *Conversation) Insert(text string) {
	if !c.Draft.Type(text) {
		c.cfg.Screen.Fail("a message has at most 8 KiB", "send it, and go on in the next")
		return
	}
	c.reportTyping()
}

// Paste puts a block of text into the draft, of several rows if it has them.
func (c *Conversation) Paste(text string) error {
	if err := c.Draft.Paste(text); err != nil {
		return err
	}
	c.reportTyping()
	return nil
}

// Edit applies an editing key to the draft.
func (c *Conversation) Edit(op composer.Op) {
	before := c.Draft.Text()
	c.Draft.Apply(op)
	if c.Draft.Text() != before {
		c.reportTyping()
	}
}

// Submit empties the draft and returns its text.
func (c *Conversation) Submit() string {
	text := c.Draft.Submit()
	c.StopTyping()
	return text
}

// Discard empties the draft.
func (c *Conversation) Discard() {
	c.Draft.Clear()
	c.StopTyping()
}
