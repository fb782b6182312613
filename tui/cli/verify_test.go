package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What verify says of the vectors of net/votes, good and forged.
func TestVerifyFile(t *testing.T) {
	home := t.TempDir()
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
		path := filepath.Join(t.TempDir(), "proof")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := finish(t, program(t, home, "verify", path))
		name := filepath.Base(file)
		switch {
		case expect == "bad":
			if code != exitError || !strings.Contains(errs, "proves nothing") || out != "" {
				t.Errorf("%s: exit %d, %q, %q", name, code, out, errs)
			}
		case code != 0 || errs != "":
			t.Errorf("%s: exit %d, %q", name, code, errs)
		case strings.HasPrefix(expect, "ok 2 of 3") && (!strings.Contains(out, "2 of 3 approvals") || !strings.Contains(out, "(lobby)") || strings.Count(out, "  approved\n") != 2 || strings.Count(out, "  not in this file\n") != 1),
			strings.HasPrefix(expect, "ok twice") && !strings.Contains(out, "voted twice"),
			strings.Contains(expect, "ends 1") && !strings.Contains(out, "  ended: 2 of its 3 voters approved, 2 needed\n"):
			t.Errorf("%s says\n%s", name, out)
		}
	}
	// What an OFF that passed has ended can't be told without what it names.
	text, err := os.ReadFile("../../net/votes/testdata/proofs/good-off.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, content, _ := strings.Cut(string(text), "\n")
	content, _, _ = strings.Cut(content, `"ends":[{`)
	bare, empty := filepath.Join(home, "bare"), filepath.Join(home, "empty")
	if err := os.WriteFile(bare, []byte(content+`"ends":[]}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := finish(t, program(t, home, "verify", bare)); code != 0 || !strings.Contains(out, "can't tell whether it ended") {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"go.mod", "nowhere", empty} {
		if code, out, errs := finish(t, program(t, home, "verify", path)); code != exitError || out != "" || strings.Count(errs, "\n") != 1 {
			t.Errorf("verify %s: exit %d, %q, %q", path, code, out, errs)
		}
	}
	if code, _, errs := finish(t, program(t, home, "verify")); code != exitUsage || errs == "" {
		t.Errorf("without a file: exit %d, %q", code, errs)
	}
}
