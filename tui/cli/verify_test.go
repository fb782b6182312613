package cli

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verify returns what verify prints about a file with this content, and its error.
func verify(content string) (string, error) {
	var out strings.Builder
	err := verifyFile(&out, bufio.NewReader(strings.NewReader(content)))
	return out.String(), err
}

// The vectors of net/votes, valid and forged, print what their first line expects.
func TestVerifyCertificate(t *testing.T) {
	files, err := filepath.Glob("../../net/votes/testdata/proofs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		expect, content, _ := strings.Cut(string(text), "\n")
		out, err := verify(content)
		name := filepath.Base(file)
		switch {
		case expect == "bad":
			if err == nil || !strings.Contains(err.Error(), "proves nothing") || out != "" {
				t.Errorf("%s: %v, prints %q", name, err, out)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case strings.HasPrefix(expect, "ok 2 of 3") && (!strings.Contains(out, "2 of 3 approvals") || !strings.Contains(out, "(lobby)") || strings.Count(out, "  approved\n") != 2 || strings.Count(out, "  not in this file\n") != 1),
			strings.HasPrefix(expect, "ok twice") && !strings.Contains(out, "voted twice"),
			strings.Contains(expect, "ends 1") && !strings.Contains(out, "  ended: 2 of its 3 voters approved, 2 needed\n"):
			t.Errorf("%s prints\n%s", name, out)
		}
	}
}

// Without the proposal that it names, a certificate for secure-only off can't tell whether it ended it.
func TestVerifyCertificateWithoutWhatItEnds(t *testing.T) {
	text, err := os.ReadFile("../../net/votes/testdata/proofs/good-off.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, content, _ := strings.Cut(string(text), "\n")
	content, _, _ = strings.Cut(content, `"ends":[{`)
	if out, err := verify(content + `"ends":[]}` + "\n"); err != nil || !strings.Contains(out, "can't tell whether it ended") {
		t.Errorf("%v, prints %q", err, out)
	}
}

func TestVerifyRefusesOtherFiles(t *testing.T) {
	if _, err := verify(""); !errors.Is(err, errEmpty) {
		t.Errorf("an empty file: %v", err)
	}
	for _, content := range []string{"module chat.lan/p2pchat\n", "{}\n", "{\"p2pchat\":\"nonsense\"}\n", "\x00"} {
		if out, err := verify(content); err == nil || out != "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, prints %q", content, err, out)
		}
	}
}
