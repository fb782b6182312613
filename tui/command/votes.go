package command

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// Ask lets a mode with a person in front of it step in between a command and its effect. Without a func
// the command takes effect at once.
type Ask struct {
	Propose func(vote.Draft)                           // show the preview first
	Vote    func(p event.Proposal, choice vote.Choice) // hold it for as long as it can be taken back
}

// Proposals answers /proposals.
type Proposals struct {
	Proposals []event.Proposal
	Policy    event.Policy
}

func propose(e Env, args string) {
	w, err := parseProposal(args)
	if err != nil {
		e.Reply(Fail{Text: err.Error(), Hint: "type /help propose"})
		return
	}
	if e.Ask.Propose != nil {
		e.Ask.Propose(w)
		return
	}
	_, err = e.Node.Propose(w)
	e.fail(err)
}

// parseProposal parses the arguments of /propose. Unless they name another subject, all of them describe
// a vote on secure-only, as in the seed's program.
func parseProposal(args string) (vote.Draft, error) {
	w := vote.Draft{Slot: vote.SecureOnly, Action: vote.On}
	var words []string
	fields := strings.Fields(args)
	for i := 0; i < len(fields); i++ {
		name, value, has := strings.Cut(fields[i], "=")
		if name != "--need" && name != "--for" {
			if option(name) && (len(words) == 0 || !strings.EqualFold(words[0], "topic")) {
				return w, fmt.Errorf("%.20s is unknown: there are --need M and --for 3m", name)
			}
			words = append(words, fields[i])
			continue
		}
		if !has {
			if i++; i == len(fields) {
				return w, fmt.Errorf("%s needs a value", name)
			}
			value = fields[i]
		}
		if name == "--need" {
			m, err := strconv.Atoi(value)
			if err != nil || m < 1 {
				return w, fmt.Errorf("--need %.20s is no number of voters", value)
			}
			w.Need = m
			continue
		}
		d, err := time.ParseDuration(value)
		if err != nil || d < time.Second || d > vote.MaxDuration {
			return w, fmt.Errorf("--for %.20s is no time between 1s and 24h, as in 3m", value)
		}
		w.Duration = d
	}
	padded := append(words, "", "") // has a first and a second word in any case
	switch strings.ToLower(padded[0]) {
	case "topic":
		w.Slot, w.Action = vote.Topic, unquoted(strings.Join(words[1:], " "))
		if w.Action == "" {
			return w, errors.New("topic needs its text")
		}
	case "secure-only", "secure_only":
		switch state := strings.ToLower(padded[1]); state {
		case vote.On, vote.Off:
			w.Action, w.Note = state, strings.Join(words[2:], " ")
		case "":
		default:
			return w, fmt.Errorf("secure-only is on or off, not %.20s", state)
		}
	default:
		w.Note = strings.Join(words, " ")
	}
	if len(w.Note) > vote.MaxNote || len(w.Action) > vote.MaxAction {
		return w, fmt.Errorf("that is too long: a topic takes %d bytes, a description %d", vote.MaxAction, vote.MaxNote)
	}
	return w, nil
}

// unquoted strips the quotes that a topic is shown with, and that people therefore type.
func unquoted(text string) string {
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		return strings.TrimSpace(text[1 : n-1])
	}
	return text
}

// option reports whether a word looks like an option: a typo in --need must not become part of a
// description while the vote goes out without it.
func option(word string) bool {
	return len(word) > 2 && word[:2] == "--" && word[2] >= 'a' && word[2] <= 'z'
}

// ballot handles the seed's /vote ID CHOICE, in either order.
func ballot(e Env, args string) {
	words := strings.Fields(args)
	for i := len(words) - 1; i >= 0 && len(words) <= 2; i-- {
		// A digit alone is rather the number of a proposal.
		if c := choice(words[i]); c != vote.None && (len(words) == 2 || words[i] != "1" && words[i] != "0") {
			e.vote(strings.Join(slices.Delete(words, i, i+1), ""), c)
			return
		}
	}
	ref := "#4"
	if len(words) > 0 && strings.HasPrefix(words[0], "#") && len(words[0]) <= 8 {
		ref = words[0]
	}
	e.Reply(Fail{Text: fmt.Sprintf("%.40q is no vote", args), Hint: fmt.Sprintf("type /vote %s yes or /vote %s no; /proposals lists them", ref, ref)})
}

// choice returns the ballot that a word stands for, or vote.None.
func choice(word string) vote.Choice {
	switch strings.ToLower(word) {
	case "approve", "yes", "true", "1", "y":
		return vote.Approve
	case "reject", "no", "false", "0", "n":
		return vote.Reject
	}
	return vote.None
}

func (e Env) vote(ref string, c vote.Choice) {
	p, ok := e.proposal(ref)
	if !ok {
		return
	}
	if e.Ask.Vote != nil && p.CanVote {
		e.Ask.Vote(p, c)
		return
	}
	_, err := e.Node.Vote(p.ID, c)
	e.fail(err)
}

// proposal returns the proposal that ref means, or answers why there is none. The empty ref means the
// oldest that waits for an answer, except disputed ones, which must be named.
func (e Env) proposal(ref string) (event.Proposal, bool) {
	var found []event.Proposal
	ref = strings.TrimSpace(ref)
	if ref == "" {
		for _, p := range e.Node.Proposals() {
			if p.CanVote && p.State != vote.StatusDisputed {
				found = append(found, p)
			}
		}
		if len(found) == 0 {
			e.Reply(Fail{Text: "nothing waits for your vote", Hint: "/proposals lists all, /propose begins one"})
			return event.Proposal{}, false
		}
		return slices.MinFunc(found, func(a, b event.Proposal) int { return a.Time.Compare(b.Time) }), true
	}
	typed := strings.ReplaceAll(strings.TrimPrefix(ref, "#"), ".", "·")
	for _, p := range e.Node.Proposals() {
		switch {
		case strings.TrimPrefix(p.Label, "#") == typed:
			return p, true
		case strconv.Itoa(p.Number) == typed, len(typed) >= 8 && strings.HasPrefix(p.ID, strings.ToLower(typed)):
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		e.Reply(Fail{Text: fmt.Sprintf("there is no proposal %.40s", ref), Hint: "/proposals lists them"})
	default:
		labels := make([]string, len(found))
		for i, p := range found {
			labels[i] = fmt.Sprintf("%s (%s, by %s)", p.Label, wording.RawTitle(p), p.By.Name)
		}
		e.Reply(Fail{Text: "several proposals have this number: " + strings.Join(labels, ", "), Hint: "say which one"})
	}
	return event.Proposal{}, false
}

func (e Env) dispute(ref string, on bool) {
	p, ok := e.proposal(ref)
	if !ok {
		return
	}
	if _, err := e.Node.SetDisputed(p.ID, on); e.fail(err) {
		return
	}
	if on {
		e.Reply(Info{fmt.Sprintf("You no longer apply vote %s · /accept %s to undo", p.Label, p.Label)})
	} else {
		e.Reply(Info{fmt.Sprintf("You now apply vote %s · /refuse %s to undo", p.Label, p.Label)})
	}
}

// saveProof asks for a file with the proof of something about a proposal.
func (e Env) saveProof(command, what, args string, prove func(ref string) (event.Proposal, []byte, error)) {
	ref, file := cutWord(args)
	file = strings.TrimSpace(file)
	if file == "" {
		e.Reply(Fail{Text: "/" + command + " needs a file's name too", Hint: "type /" + command + " #4 FILE"})
		return
	}
	p, ok := e.proposal(ref)
	if !ok {
		return
	}
	_, data, err := prove(p.ID)
	if e.fail(err) {
		return
	}
	e.Reply(Save{Path: file, Fill: func(f io.Writer) (string, error) {
		_, err := f.Write(data)
		return fmt.Sprintf("The %s of %s is in %s; p2pchat verify %s checks it", what, p.Label, file, file), err
	}})
}

func topic(e Env, args string) {
	if args == "" {
		p := e.Node.Policy()
		if p.Topic == "" {
			e.Reply(Info{"The room has no topic; /topic TEXT proposes one"})
		} else {
			e.Reply(Info{fmt.Sprintf("Topic: %s (%s)", p.Topic, p.TopicLabel)})
		}
		return
	}
	propose(e, "topic "+args)
}
