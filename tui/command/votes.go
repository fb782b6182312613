package command

import (
	"fmt"
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

// voteCommands returns the commands about votes.
func voteCommands() []Command {
	return []Command{
		{Name: "propose", Args: "[WHAT]", Help: "vote: secure-only on|off, topic TEXT; --need M --for 3m", Says: true,
			Run: propose, Complete: completeProposal},
		{Name: "vote", Args: "#N yes|no", Help: "approve or reject a proposal (also approve, reject, 1, 0)", Says: true,
			Run: ballot, Complete: completeRef("yes", "no")},
		{Name: "y", Args: "[#N]", Help: "approve what is being asked", Says: true,
			Run: func(e Env, args string) { e.vote(args, vote.Approve) }, Complete: completeRef()},
		{Name: "n", Args: "[#N]", Help: "reject what is being asked", Says: true,
			Run: func(e Env, args string) { e.vote(args, vote.Reject) }, Complete: completeRef()},
		{Name: "proposals", Aliases: []string{"votes"}, Help: "all votes, and what is in force",
			Run: func(e Env, _ string) { e.Reply(Proposals{e.Node.Proposals(), e.Node.Policy()}) }},
		{Name: "accept", Args: "#N", Help: "apply a vote held without you or someone here",
			Run: func(e Env, args string) { e.dispute(args, false) }, Complete: completeRef()},
		{Name: "refuse", Args: "#N", Help: "don't apply a vote",
			Run: func(e Env, args string) { e.dispute(args, true) }, Complete: completeRef()},
		{Name: "cancel", Args: "#N", Help: "withdraw a proposal of yours",
			Run: func(e Env, args string) { _, err := e.Node.Withdraw(args); e.fail(err) }, Complete: completeRef()},
		{Name: "proof", Args: "#N FILE", Help: "save the certificate of a vote that passed",
			Run: proof, Complete: completeRef()},
		{Name: "evidence", Args: "#N FILE", Help: "save the proof that someone voted twice",
			Run: evidence, Complete: completeRef()},
		{Name: "topic", Args: "[TEXT]", Help: "the room's topic, or propose another", Says: true, Run: topic},
		{Name: "unsigned", Args: "TEXT", Help: "send TEXT without your signature", Says: true,
			Run: func(e Env, args string) { e.fail(e.Node.Unsigned(args)) }},
	}
}

func propose(e Env, args string) {
	w, err := parseProposal(args)
	if err != nil {
		e.Reply(Fail{Text: err.Error(), Hint: "type /help propose"})
		return
	}
	e.propose(w)
}

func (e Env) propose(w vote.Draft) {
	if e.Ask.Propose != nil {
		e.Ask.Propose(w)
		return
	}
	_, err := e.Node.Propose(w)
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
			if option(name) && !strings.EqualFold(strings.Join(words[:min(len(words), 1)], ""), "topic") {
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
	text := strings.Join(words, " ")
	switch first := strings.ToLower(strings.Join(words[:min(len(words), 1)], "")); {
	case first == "topic":
		if w.Slot, w.Action = vote.Topic, unquoted(strings.TrimSpace(text[len(first):])); w.Action == "" {
			return w, fmt.Errorf("topic needs its text")
		}
	case first == "secure-only" || first == "secure_only":
		switch rest := strings.ToLower(strings.Join(words[1:min(len(words), 2)], "")); rest {
		case "off":
			w.Action = vote.Off
			w.Note = strings.Join(words[2:], " ")
		case "on":
			w.Note = strings.Join(words[2:], " ")
		case "":
		default:
			return w, fmt.Errorf("secure-only is on or off, not %.20s", rest)
		}
	default:
		w.Note = text
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
	if len(words) == 2 {
		if c, ok := choice(words[1]); ok {
			e.vote(words[0], c)
			return
		}
		if c, ok := choice(words[0]); ok {
			e.vote(words[1], c)
			return
		}
	}
	if len(words) == 1 {
		if c, ok := choice(words[0]); ok && words[0] != "1" && words[0] != "0" {
			e.vote("", c)
			return
		}
	}
	ref := "#4"
	if len(words) > 0 && strings.HasPrefix(words[0], "#") && len(words[0]) <= 8 {
		ref = words[0]
	}
	e.Reply(Fail{Text: fmt.Sprintf("%.40q is no vote", args), Hint: fmt.Sprintf("type /vote %s yes or /vote %s no; /proposals lists them", ref, ref)})
}

func choice(word string) (vote.Choice, bool) {
	switch strings.ToLower(word) {
	case "approve", "yes", "true", "1", "y":
		return vote.Approve, true
	case "reject", "no", "false", "0", "n":
		return vote.Reject, true
	}
	return vote.None, false
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
	all := e.Node.Proposals()
	ref = strings.TrimSpace(ref)
	if ref == "" {
		var found *event.Proposal
		for i, p := range all {
			if p.CanVote && p.State != vote.StatusDisputed && (found == nil || p.Time.Before(found.Time)) {
				found = &all[i]
			}
		}
		if found == nil {
			e.Reply(Fail{Text: "nothing waits for your vote", Hint: "/proposals lists all, /propose begins one"})
			return event.Proposal{}, false
		}
		return *found, true
	}
	var found []event.Proposal
	typed := strings.ReplaceAll(strings.TrimPrefix(ref, "#"), ".", "·")
	for _, p := range all {
		label := strings.TrimPrefix(p.Label, "#")
		switch {
		case label == typed:
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
	if _, err := e.Node.Dispute(p.ID, on); e.fail(err) {
		return
	}
	if on {
		e.Reply(Info{fmt.Sprintf("You no longer apply vote %s · /accept %s to undo", p.Label, p.Label)})
	} else {
		e.Reply(Info{fmt.Sprintf("You now apply vote %s · /refuse %s to undo", p.Label, p.Label)})
	}
}

func proof(e Env, args string) { e.save("proof", "certificate", args, e.Node.Proof) }

func evidence(e Env, args string) { e.save("evidence", "evidence", args, e.Node.Evidence) }

// save asks for a file with the proof of something about a proposal.
func (e Env) save(command, what, args string, prove func(ref string) (event.Proposal, []byte, error)) {
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
	e.Reply(Save{Path: file, Data: data, Done: fmt.Sprintf("The %s of %s is in %s; p2pchat verify %s checks it", what, p.Label, file, file)})
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

func completeProposal(_ Env, args string) []string {
	var out []string
	for _, s := range []string{"secure-only on", "secure-only off", "topic "} {
		if strings.HasPrefix(s, strings.ToLower(args)) {
			out = append(out, s)
		}
	}
	return out
}

// completeRef offers the proposals' labels and, behind one, words.
func completeRef(words ...string) func(Env, string) []string {
	return func(e Env, args string) []string {
		ref, rest := cutWord(args)
		var out []string
		if len(ref) < len(args) {
			for _, w := range words {
				if strings.HasPrefix(w, strings.ToLower(strings.TrimLeft(rest, " "))) {
					out = append(out, ref+" "+w)
				}
			}
			return out
		}
		for _, p := range e.Node.Proposals() {
			if strings.HasPrefix(strings.TrimPrefix(p.Label, "#"), strings.TrimPrefix(ref, "#")) {
				out = append(out, p.Label)
			}
		}
		return out
	}
}
