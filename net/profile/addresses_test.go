package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAddressesLastToNextStart(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	k := p.Known()
	if got := k.Addresses(); len(got) != 0 {
		t.Fatalf("%q from the start", got)
	}
	k.RememberAddress("")
	k.RememberAddress(strings.Repeat("x", 400))
	for _, addr := range []string{"10.0.0.1:8080", "line://10.0.0.2:9", "10.0.0.3:8080"} {
		k.RememberAddress(addr)
	}
	k.ForgetAddress("10.0.0.3:8080")
	k.ForgetAddress("nobody:1")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := p.Known().Addresses()
	slices.Sort(got)
	if want := []string{"10.0.0.1:8080", "line://10.0.0.2:9"}; !slices.Equal(got, want) || len(p.Warnings()) != 0 {
		t.Errorf("%q, want %q; %q", got, want, p.Warnings())
	}
}

func TestAddressesAreBounded(t *testing.T) {
	k := newKnown(t.TempDir())
	for i := range maxAddresses {
		k.addresses[fmt.Sprint("old:", i)] = int64(i + 1)
	}
	k.RememberAddress("new:1")
	got := k.Addresses()
	if len(got) != maxAddresses || got[0] != "new:1" || slices.Contains(got, "old:0") || got[maxAddresses-1] != "old:1" {
		t.Errorf("%q", got)
	}
}

func TestDamagedAddressIsSkipped(t *testing.T) {
	dir := t.TempDir()
	text := `{"v":1,"reached":[{"addr":"a:1","last":1},{"addr":"","last":1},{"addr":"` + strings.Repeat("x", 400) + `"}]}`
	if err := os.WriteFile(filepath.Join(dir, knownName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k, warnings := readKnown(dir)
	if got := k.Addresses(); !slices.Equal(got, []string{"a:1"}) || len(warnings) != 1 {
		t.Errorf("%q, %q", got, warnings)
	}
}
