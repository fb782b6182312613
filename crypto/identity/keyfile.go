package identity

import (
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
)

const (
	fileName = "identity.pem"
	pemType  = "PRIVATE KEY" // PKCS #8, RFC 5208
	maxFile  = 64 << 10      // bytes that are read; ours has some 120
)

// LoadOrCreate reads the identity of a profile directory, or makes and saves one in an empty
// directory. It never overwrites a file that it can't read: that may be the only copy of a key. The
// caller holds the profile's lock.
func LoadOrCreate(dir string) (*Identity, error) {
	id, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	id = New()
	if err := id.save(dir); err != nil {
		return nil, err
	}
	return id, nil
}

// Load reads the identity of a profile directory; fs.ErrNotExist when it has none. If other users
// may read the file, Load makes it private again.
func Load(dir string) (*Identity, error) {
	path := filepath.Join(dir, fileName)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	defer file.Close() // read only: nothing is lost if it fails
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("identity: %s is not a PEM private key: restore it from a backup, or move it away to become someone new", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("identity: %s is damaged (%w): restore it from a backup, or move it away to become someone new", path, err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("identity: %s holds a %T, not an Ed25519 key", path, parsed)
	}
	if info, err := file.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		if err := file.Chmod(0o600); err != nil {
			return nil, fmt.Errorf("identity: others can read %s and that can't be changed: %w", path, err)
		}
	}
	return FromSeed([ed25519.SeedSize]byte(private.Seed())), nil
}

// save writes the file so that it is either whole or not there: temporary file, fsync, rename.
func (i *Identity) save(dir string) error {
	der, err := x509.MarshalPKCS8PrivateKey(i.secret().identity)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	temp, err := os.CreateTemp(dir, fileName+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing under that name
	if err := cmp.Or(pem.Encode(temp, &pem.Block{Type: pemType, Bytes: der}), temp.Sync(), temp.Close()); err != nil {
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
