package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/profile"

	"github.com/spf13/cobra"
)

// openProfile locks the profile that the flags ask for and sets the name to use. Without --name and
// --profile it falls back to a free name, which the returned notice then explains.
func (r *run) openProfile() (notice string, err error) {
	f := r.flags
	name := cmp.Or(f.name, profile.LoginName())
	switch {
	case r.fallback:
		r.profile, name, err = f.openFallback(name)
	case f.profile != "" || f.name != "":
		r.profile, err = f.openNamed(name)
	default:
		var free string
		if r.profile, free, err = profile.OpenFree(name); free != name {
			notice = fmt.Sprintf("you are %s: the profile of %s is in use", free, name)
			name = free
		}
	}
	r.cfg.Name = name
	return notice, err
}

// openFallback opens the profile of name. While that profile is in use, it opens one for the command
// line instead: NAME-cli, or DIR-cli with --profile.
func (f *flags) openFallback(name string) (*profile.Profile, string, error) {
	p, err := f.openNamed(name)
	if !errors.As(err, new(*profile.InUseError)) {
		return p, name, err
	}
	const suffix = "-cli"
	name = profile.WithSuffix(name, suffix)
	if f.profile != "" {
		p, err = profile.Open(f.profile + suffix)
		return p, name, err
	}
	return profile.OpenFree(name)
}

// profileDir returns the folder of the profile that the flags ask for, whether it is in use or not.
func (f *flags) profileDir() (string, error) {
	if err := profile.CheckName(f.name); f.name != "" && err != nil {
		return "", &usageError{err.Error(), "choose another --name"}
	}
	return f.dirFor(cmp.Or(f.name, profile.LoginName()))
}

// dirFor returns the folder of --profile, or else that of a name.
func (f *flags) dirFor(name string) (string, error) {
	if f.profile != "" {
		return f.profile, nil
	}
	return profile.Dir(name)
}

// openNamed opens the profile of --profile, or else that of a name.
func (f *flags) openNamed(name string) (*profile.Profile, error) {
	dir, err := f.dirFor(name)
	if err != nil {
		return nil, err
	}
	return profile.Open(dir)
}

// profileInUse reports whether a program uses the profile.
func profileInUse(dir string) bool {
	p, err := profile.Open(dir)
	if err == nil {
		p.Close()
	}
	return errors.As(err, new(*profile.InUseError))
}

// printIdentity prints a profile's id, key and fingerprint. It creates a missing profile, and only
// reads one that is in use.
func (f *flags) printIdentity(cmd *cobra.Command) error {
	dir, err := f.profileDir()
	if err != nil {
		return err
	}
	me, err := identity.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		p, err := profile.Open(dir)
		if err != nil {
			return err
		}
		defer p.Close()
		if me, err = identity.LoadOrCreate(p.Dir()); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	k := me.Key()
	cmd.Printf("id           %s\nkey          %s\nfingerprint  %s\nprofile      %s\n", k.ID(), k, k.Fingerprint(), dir)
	return nil
}
