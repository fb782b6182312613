package identity

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestLoadOrCreate(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("load from an empty profile: %v", err)
	}
	made, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := LoadOrCreate(dir)
		if err != nil {
			t.Fatal(err)
		}
		if again.Key() != made.Key() {
			t.Fatal("the second start has another identity")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != fileName {
		t.Errorf("files in the profile: %v, want %s alone", entries, fileName)
	}
	private(t, dir)
	if _, err := LoadOrCreate(filepath.Join(dir, "none")); err == nil {
		t.Error("an identity was made in a directory that doesn't exist")
	}
}

func private(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
}

func TestReadableByOthersIsMadePrivate(t *testing.T) {
	for _, mode := range []fs.FileMode{0o640, 0o644, 0o604, 0o660} {
		dir := t.TempDir()
		made, err := LoadOrCreate(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, fileName), mode); err != nil {
			t.Fatal(err)
		}
		again, err := Load(dir)
		if err != nil || again.Key() != made.Key() {
			t.Fatalf("mode %v: %v", mode, err)
		}
		private(t, dir)
	}
}

// A file that is not a whole Ed25519 key is an error with a next step, and stays as it is.
func TestDamagedFileIsKept(t *testing.T) {
	id := New()
	good := t.TempDir()
	if err := id.save(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(good, fileName))
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(x25519)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	for _, tc := range []struct {
		name, text, want string
	}{
		{"empty", "", "not a PEM private key"},
		{"half", string(text[:len(text)/2]), "not a PEM private key"},
		{"garbage", strings.Repeat("\x00", 1<<20), "not a PEM private key"},
		{"a certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})), "not a PEM private key"},
		{"short DER", string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: block.Bytes[:20]})), "damaged"},
		{"another kind of key", string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})), "not an Ed25519 key"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, fileName)
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreate(dir); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", tc.name, err, tc.want)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != tc.text {
			t.Errorf("%s: the file was touched (%v)", tc.name, err)
		}
	}
}

// A save that fails at its last step leaves neither half a file nor a temporary one.
func TestFailedSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, fileName, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	id := New()
	if err := id.save(dir); err == nil {
		t.Fatal("a directory was replaced by the key")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// Whatever bit of the file changes, the identity is the same or there is an error: never another person.
func TestChangedBitIsNeverAnotherIdentity(t *testing.T) {
	id := New()
	dir := t.TempDir()
	if err := id.save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for bit := range len(text) * 8 {
		changed := slices.Clone(text)
		changed[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := LoadOrCreate(dir)
		switch {
		case err != nil:
			refused++
		case got.Key() != id.Key():
			t.Fatalf("bit %d: another identity", bit)
		}
	}
	if refused < len(text)*8/2 {
		t.Errorf("only %d of %d changed bits are noticed", refused, len(text)*8)
	}
}

// The file of an earlier version, without a public key, opens and gets one.
func TestFileOfAnEarlierVersion(t *testing.T) {
	id := New()
	dir := t.TempDir()
	if err := id.save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest := pem.Decode(whole)
	old := whole[:len(whole)-len(rest)]
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(dir); err != nil || got.Key() != id.Key() {
		t.Fatalf("Load: %v", err)
	}
	if text, _ := os.ReadFile(path); !bytes.Equal(text, old) {
		t.Error("Load, which has no lock, wrote the file")
	}
	if got, err := LoadOrCreate(dir); err != nil || got.Key() != id.Key() {
		t.Fatalf("LoadOrCreate: %v", err)
	}
	if text, _ := os.ReadFile(path); !bytes.Equal(text, whole) {
		t.Errorf("the file has become %q", text)
	}
}
