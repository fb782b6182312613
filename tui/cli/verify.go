package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/vote"

	"github.com/spf13/cobra"
)

// verifyCommand is `p2pchat verify FILE`: it needs no profile, no network and no running program.
func verifyCommand(began *bool) *cobra.Command {
	return &cobra.Command{
		Use: "verify FILE", Short: "Check a vote's certificate, evidence or an export, offline",
		Long: "verify checks a file that somebody gave you: the certificate of a vote (/proof), the evidence\n" +
			"of a double vote, or an export of a room. Nothing but the file is needed. It ends with 1 on any flaw.",
		Args: words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			*began = true
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			return verifyFile(cmd.OutOrStdout(), bufio.NewReaderSize(f, 1<<16))
		},
	}
}

// errEmpty says why nothing at all is a flaw: a certificate that a full disk cut to nothing must not
// pass for the export of a room in which nothing was said.
var errEmpty = errors.New("the file is empty: there is nothing to check")

func verifyFile(out io.Writer, in *bufio.Reader) error {
	begin, _ := in.Peek(len(`{"p2pchat":`))
	if len(begin) == 0 {
		if _, err := in.Peek(1); err == io.EOF {
			return errEmpty
		}
	}
	if !votes.IsCertificate(begin) {
		return verifyArchive(out, in)
	}
	p, err := votes.ReadCertificate(in)
	if err != nil {
		return err
	}
	describeProof(out, p)
	return nil
}

// describeProof says what a checked file shows: room, action, roll, who signed, M of N.
func describeProof(out io.Writer, p *votes.Certificate) {
	q := p.Proposal
	say := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, sanitize.Linef(format, args...))
	}
	kind := "a valid certificate"
	if !p.Equivocator.IsZero() {
		kind = "valid evidence"
	}
	say("file", "%s", kind)
	say("room", "%s%s", p.Room, knownRoom(p.Room))
	say("proposal", "#%d: %s", q.Number, describeAction(q.Slot == "topic", q.Action))
	if q.Note != "" {
		say("note", "%s", sanitize.Line(q.Note))
	}
	say("id", "%s", q.ID)
	say("by", "%s", voterText(q.Author))
	say("made", "%s, by its author's clock", time.UnixMilli(q.Time).UTC().Format(time.RFC3339))
	signed := map[identity.Key]string{}
	for _, k := range p.Approvals {
		signed[k] = "approved"
	}
	if !p.Equivocator.IsZero() {
		signed[p.Equivocator] = "signed both an approval and a reject"
	}
	for i, k := range q.Roll {
		word := signed[k]
		if word == "" {
			word = "not in this file"
		}
		say(map[bool]string{true: "roll"}[i == 0], "%s  %s", voterText(k), word)
	}
	if p.Equivocator.IsZero() {
		for _, id := range q.Ends {
			say("ends", "%s", describeEnding(p, id))
		}
		say("result", "PASSED: %d of %d approvals, %d needed", len(p.Approvals), len(q.Roll), q.Need)
	} else {
		say("result", "voted twice: two machines, a restored backup, or dishonest")
	}
}

// describeEnding says what became of a proposal that one for secure-only off names.
func describeEnding(p *votes.Certificate, id vote.ID) string {
	for _, e := range p.Ends {
		if e.On.ID != id {
			continue
		}
		word := "not ended, it stays on:"
		if e.Ended() {
			word = "ended:"
		}
		return fmt.Sprintf("#%d %s  %s %d of its %d voters approved, %d needed", e.On.Number, id, word, e.Have, len(e.On.Roll), e.Need)
	}
	return id.String() + "  not in this file, which can't tell whether it ended"
}

func describeAction(topic bool, action string) string {
	if topic {
		return fmt.Sprintf("topic \"%s\"", sanitize.Line(action))
	}
	return "secure-only " + action
}

// voterText is a key as people compare it: the words and the beginning of the key.
func voterText(k identity.Key) string { return k.Short() + " " + k.Fingerprint() }

// knownRoom names the room that everybody is in who didn't ask for another.
func knownRoom(id record.RoomID) string {
	if id == record.OpenRoom(defaultRoom) {
		return " (" + defaultRoom + ")"
	}
	return ""
}
