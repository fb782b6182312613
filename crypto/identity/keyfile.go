package identity

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// The file holds the private key and behind it the public key, so that a changed bit is noticed. Without that it
// would be another key, and the user another person, silently.
const (
	fileName  = "identity.pem"
	pemType   = "PRIVATE KEY" // PKCS #8, RFC 5208
	pemPublic = "PUBLIC KEY"  // SubjectPublicKeyInfo, RFC 5280 §4.1; missing in files of earlier versions
	maxFile   = 64 << 10      // bytes that are read; ours has some 240
	whatToDo  = "restore it from a backup, or move it away to become someone new"
)

// LoadOrCreate reads the identity of a profile directory, or makes and saves one in an empty
// directory. It never overwrites a file that it can't read: that may be the only copy of a key. A file of an
// earlier version gets its public key, if it can be written. The caller holds the profile's lock.
func LoadOrCreate(dir string) (*Identity, error) {
	id, checked, err := load(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		id = New()
		if err := id.save(dir); err != nil {
			return nil, err
		}
		return id, nil
	case err != nil:
		return nil, err
	case !checked:
		_ = id.save(dir) // on a read-only disk it stays as it is
	}
	return id, nil
}

// Load reads the identity of a profile directory; fs.ErrNotExist when it has none. If other users
// may read the file, Load makes it private again.
func Load(dir string) (*Identity, error) {
	id, _, err := load(dir)
	return id, err
}

// load reads the identity. checked reports whether the file's public key agrees; else it has none.
func load(dir string) (id *Identity, checked bool, err error) {
	path := filepath.Join(dir, fileName)
	text, err := readPrivateFile(path)
	if err != nil {
		return nil, false, fmt.Errorf("identity: %w", err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, false, fmt.Errorf("identity: %s is not a PEM private key: %s", path, whatToDo)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, false, fmt.Errorf("identity: %s is damaged (%w): %s", path, err, whatToDo)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, false, fmt.Errorf("identity: %s holds a %T, not an Ed25519 key", path, parsed)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		public, _ := pem.Decode(rest)
		want, err := x509.MarshalPKIXPublicKey(private.Public())
		if err != nil || public == nil || public.Type != pemPublic || !bytes.Equal(public.Bytes, want) {
			return nil, false, fmt.Errorf("identity: %s is damaged (its private and its public key differ): %s", path, whatToDo)
		}
		checked = true
	}
	return FromSeed([ed25519.SeedSize]byte(private.Seed())), checked, nil
}

// readPrivateFile reads a regular file of at most maxFile bytes, and makes it private. Opening doesn't wait for the
// other end of a named pipe.
func readPrivateFile(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close() // read only: nothing is lost if it fails
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: %s", path, whatToDo)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		if err := file.Chmod(0o600); err != nil {
			return nil, fmt.Errorf("others can read %s and that can't be changed: %w", path, err)
		}
	}
	return text, err
}

// save writes the file so that it is either whole or not there: temporary file, fsync, rename.
func (i *Identity) save(dir string) error {
	der, err := x509.MarshalPKCS8PrivateKey(i.secret().identity)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(i.secret().identity.Public())
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: public})...)
	temp, err := os.CreateTemp(dir, fileName+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing under that name
	_, err = temp.Write(text)
	if err := cmp.Or(err, temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("identity: write %s: %w", temp.Name(), err)
	}
	if err := os.Rename(temp.Name(), filepath.Join(dir, fileName)); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	// The new name survives a loss of power once the directory is on disk. Not every system can
	// sync a directory (Windows can't); then there is nothing more to do.
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}
