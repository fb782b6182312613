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
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/vote"

	"github.com/spf13/cobra"
)

// newVerifyCommand returns `p2pchat verify FILE`, which needs no profile, network or running program.
func newVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check a vote's certificate, evidence or an export, offline",
		Long: "verify checks a file that someone gave you: the certificate of a vote (/proof), the evidence\n" +
			"of a double vote, or an export of a room. Nothing but the file is needed. It ends with 1 on any flaw.",
		Args: countArguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			return verifyFile(cmd.OutOrStdout(), bufio.NewReaderSize(f, 1<<16))
		},
	}
	cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	return cmd
}

// errEmpty refuses an empty file. A full disk can cut a certificate to nothing, and that must not count
// as the export of a room without messages.
var errEmpty = errors.New("the file is empty: there is nothing to check")

// verifyFile checks a file and prints its content to out. It returns the first flaw.
func verifyFile(out io.Writer, in *bufio.Reader) error {
	begin, err := in.Peek(len(`{"p2pchat":`))
	if len(begin) == 0 && err == io.EOF {
		return errEmpty
	}
	if !votes.IsCertificate(begin) {
		return verifyArchive(out, in)
	}
	p, err := votes.ReadCertificate(in)
	if err != nil {
		return err
	}
	printCertificate(out, p)
	return nil
}

// printRow writes a name in the first column and sanitized text in the second.
func printRow(out io.Writer, name, format string, args ...any) {
	fmt.Fprintf(out, "%-10s %s\n", name, sanitize.Linef(format, args...))
}

// printCertificate prints a checked certificate or evidence: room, action, voters, signatures, result.
func printCertificate(out io.Writer, p *votes.Certificate) {
	q := p.Proposal
	kind := "a valid certificate"
	if !p.Equivocator.IsZero() {
		kind = "valid evidence"
	}
	printRow(out, "file", "%s", kind)
	printRow(out, "room", "%s%s", p.Room, roomSuffix(p.Room))
	printRow(out, "proposal", "#%d: %s", q.Number, actionText(q.Slot == vote.Topic, q.Action))
	if q.Note != "" {
		printRow(out, "note", "%s", sanitize.Line(q.Note))
	}
	printRow(out, "id", "%s", q.ID)
	printRow(out, "by", "%s", voterText(q.Author))
	printRow(out, "made", "%s, by its author's clock", time.UnixMilli(q.Time).UTC().Format(time.RFC3339))
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
		printRow(out, map[bool]string{true: "roll"}[i == 0], "%s  %s", voterText(k), word)
	}
	if p.Equivocator.IsZero() {
		for _, id := range q.Ends {
			printRow(out, "ends", "%s", endingText(p, id))
		}
		printRow(out, "result", "PASSED: %d of %d approvals, %d needed", len(p.Approvals), len(q.Roll), q.Need)
	} else {
		printRow(out, "result", "voted twice: two machines, a restored backup, or dishonest")
	}
}

// endingText returns what happened to a proposal that a proposal for secure-only off wants to end.
func endingText(p *votes.Certificate, id vote.ID) string {
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

func actionText(topic bool, action string) string {
	if topic {
		return fmt.Sprintf("topic \"%s\"", sanitize.Line(action))
	}
	return "secure-only " + action
}

// voterText returns a key in the form that people compare: the start of the key and its words.
func voterText(k identity.Key) string { return k.Short() + " " + k.Fingerprint() }

// roomSuffix returns the name of the default room in brackets, or "" for another room.
func roomSuffix(id record.RoomID) string {
	if id == record.OpenRoom(defaultRoom) {
		return " (" + defaultRoom + ")"
	}
	return ""
}

// verifyArchive checks an export and prints a summary of it to out.
func verifyArchive(out io.Writer, in io.Reader) error {
	r, err := archive.Verify(in)
	if err != nil {
		return err
	}
	if r.Flaw != nil {
		if r.Flaw.Line == 1 && r.Records == 0 && errors.Is(r.Flaw, archive.ErrForm) {
			return fmt.Errorf("this is no certificate, evidence or export of p2pchat: %w", r.Flaw)
		}
		return fmt.Errorf("%w (%d good records before it)", r.Flaw, r.Records)
	}
	printRow(out, "file", "a valid export")
	if r.Records == 0 {
		printRow(out, "records", "none")
		return nil
	}
	printRow(out, "room", "%s%s", r.Room, roomSuffix(r.Room))
	printRow(out, "records", "%d, in %d feeds, each signed and in its place", r.Records, r.Feeds)
	printRow(out, "from", "%s", time.UnixMilli(r.First.Ms).UTC().Format(time.RFC3339))
	printRow(out, "to", "%s, by their authors' clocks", time.UnixMilli(r.Last.Ms).UTC().Format(time.RFC3339))
	for i, a := range r.Authors {
		printRow(out, map[bool]string{true: "authors"}[i == 0], "%s  %s  %d records", voterText(a.Key), sanitize.Name(a.Name), a.Records)
	}
	if r.Missing > 0 {
		printRow(out, "missing", "%d records lie between these and are not in the file", r.Missing)
	}
	return nil
}
