package profile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
)

const (
	knownName    = "known.json"
	knownTemp    = knownName + ".*.tmp" // pattern of the files that writeFile renames to it
	knownVersion = 1
	maxKnownFile = 8 << 20 // bytes; three full tables of the longest entries take half of that
)

// knownFile is the content of known.json.
type knownFile struct {
	V        int             `json:"v"`
	Names    []nameEntry     `json:"names"`
	Verified []verifiedEntry `json:"verified"`
	Ignored  []ignoredEntry  `json:"ignored"`
	Trusted  []trustEntry    `json:"trusted,omitempty"`
	Reached  []addressEntry  `json:"reached,omitempty"`
	Links    []linksEntry    `json:"links,omitempty"`
}

type nameEntry struct {
	Name string `json:"name"` // folded
	Key  string `json:"key"`
	Last int64  `json:"last"`           // ms since 1970
	Came int64  `json:"came,omitempty"` // ms since 1970
}

type trustEntry struct {
	Key   string `json:"key"`
	On    bool   `json:"on"`
	Since int64  `json:"since"` // ms since 1970
}

// linksEntry is how long a key was linked. Times are ms since 1970.
type linksEntry struct {
	Key    string `json:"key"`
	InAll  int64  `json:"in_all"` // ms
	First  int64  `json:"first"`
	Seen   int64  `json:"seen"`
	Source string `json:"source,omitempty"`
	Known  int64  `json:"known,omitempty"`
	From   string `json:"known_from,omitempty"`
	Over   bool   `json:"over,omitempty"`
}

type verifiedEntry struct {
	Key   string `json:"key"`
	Since int64  `json:"since"` // ms since 1970
}

type ignoredEntry struct {
	ID    string `json:"id"`
	Since int64  `json:"since"` // ms since 1970
}

type addressEntry struct {
	Addr string `json:"addr"` // as the user named it, with its scheme
	Last int64  `json:"last"` // ms since 1970
}

// save writes the file if any mark changed since the last save.
func (k *Known) save() error {
	k.saving.Lock()
	defer k.saving.Unlock()
	k.mu.Lock()
	if !k.dirty {
		k.mu.Unlock()
		return nil
	}
	k.dirty = false
	file := k.fileLocked()
	k.mu.Unlock()
	text, err := json.MarshalIndent(file, "", " ")
	if err == nil {
		err = writeFile(k.dir, append(text, '\n'))
	}
	if err != nil {
		k.mu.Lock()
		k.dirty = true
		k.mu.Unlock()
		return fmt.Errorf("not saved for the next start: %w: make room for %s", err, filepath.Join(k.dir, knownName))
	}
	return nil
}

// fileLocked returns the content to save, sorted.
func (k *Known) fileLocked() knownFile {
	f := knownFile{V: knownVersion}
	for _, name := range k.names.sorted() {
		m := k.names.first[name]
		f.Names = append(f.Names, nameEntry{name, m.key.String(), m.last, m.came})
	}
	for _, key := range slices.SortedFunc(maps.Keys(k.trusted), identity.Key.Compare) {
		f.Trusted = append(f.Trusted, trustEntry{key.String(), k.trusted[key].on, k.trusted[key].since})
	}
	for _, key := range slices.SortedFunc(maps.Keys(k.links), identity.Key.Compare) {
		f.Links = append(f.Links, toLinksEntry(key, k.links[key]))
	}
	for _, key := range slices.SortedFunc(maps.Keys(k.verified), identity.Key.Compare) {
		f.Verified = append(f.Verified, verifiedEntry{key.String(), k.verified[key]})
	}
	for _, id := range slices.Sorted(maps.Keys(k.ignored)) {
		f.Ignored = append(f.Ignored, ignoredEntry{id, k.ignored[id]})
	}
	for _, addr := range k.addressesLocked() {
		f.Reached = append(f.Reached, addressEntry{addr, k.addresses[addr]})
	}
	return f
}

// readKnown reads a profile's known.json. It moves a damaged file aside, uses what is readable of
// it, and returns a warning: the loss of verified keys must not pass in silence.
func readKnown(dir string) (*Known, []string) {
	k := newKnown(dir)
	left, _ := fs.Glob(os.DirFS(dir), knownTemp) // from a kill in the middle of writeFile
	for _, name := range left {
		os.Remove(filepath.Join(dir, name))
	}
	path := filepath.Join(dir, knownName)
	text, err := readBounded(path, maxKnownFile)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	var bad int
	if err == nil {
		bad, err = k.load(text)
	}
	if err == nil && bad == 0 {
		return k, nil
	}
	aside := path + ".damaged"
	problem := fmt.Sprintf("%d of its entries can't be read", bad)
	if err != nil {
		problem = err.Error()
	}
	if err := os.Rename(path, aside); err != nil {
		return k, []string{fmt.Sprintf("%s is damaged (%s) and can't be put aside: %v", path, problem, err)}
	}
	k.markDirtyLocked() // saved again soon: after a kill no file would be there to warn of
	return k, []string{fmt.Sprintf("%s was damaged (%s): peers may have to be verified again; the file is kept as %s", path, problem, aside)}
}

// load fills k, which no other goroutine has yet, from a file's text. It returns the number of
// invalid entries.
func (k *Known) load(text []byte) (bad int, err error) {
	var f knownFile
	if err := json.Unmarshal(text, &f); err != nil {
		return 0, err
	}
	if f.V != knownVersion {
		return 0, fmt.Errorf("its version is %d, this program knows %d", f.V, knownVersion)
	}
	for _, e := range f.Verified {
		if key, err := identity.ParseKey(e.Key); err == nil && len(k.verified) < maxKnown {
			k.verified[key] = e.Since
		} else {
			bad++
		}
	}
	for _, e := range f.Ignored {
		if e.ID != "" && len(e.ID) <= 64 && len(k.ignored) < maxKnown {
			k.ignored[e.ID] = e.Since
		} else {
			bad++
		}
	}
	for _, e := range f.Trusted {
		if key, err := identity.ParseKey(e.Key); err == nil && len(k.trusted) < maxKnown {
			k.trusted[key] = trust{e.On, e.Since}
		} else {
			bad++
		}
	}
	for _, e := range f.Links {
		if key, l, err := e.parse(); err == nil && len(k.links) < maxKnown {
			k.links[key] = l
		} else {
			bad++
		}
	}
	bad += k.loadNames(f.Names, f.Links == nil)
	for _, e := range f.Reached {
		if e.Addr != "" && len(e.Addr) <= maxAddress && len(k.addresses) < maxAddresses {
			k.addresses[e.Addr] = e.Last
		} else {
			bad++
		}
	}
	return bad, nil
}

// loadNames fills in the names, when all else is loaded: the levels of their keys follow from it. The file of an
// earlier version says nothing about levels. Its names are of keys that were linked, so they count as met.
func (k *Known) loadNames(entries []nameEntry, earlier bool) (bad int) {
	for _, e := range entries {
		key, err := identity.ParseKey(e.Key)
		if err != nil || e.Name == "" || fold(e.Name) != e.Name || len(k.names.first) >= maxKnown {
			bad++
			continue
		}
		links := k.links[key]
		level := standing.LevelOf(k.Mark(key), links)
		if earlier {
			level = max(level, standing.Met)
		}
		k.names.add(e.Name, firstKey{key, e.Last, e.Came}, level, links.Source)
	}
	return bad
}

func toLinksEntry(key identity.Key, l standing.Links) linksEntry {
	e := linksEntry{Key: key.String(), InAll: l.InAll.Milliseconds(), First: l.First.UnixMilli(), Seen: l.Seen.UnixMilli(), Over: l.WasOver}
	if l.Source != (standing.Source{}) {
		e.Source = l.Source.Text()
	}
	if !l.KnownSince.IsZero() {
		e.Known = l.KnownSince.UnixMilli()
		if l.KnownFrom != (standing.Source{}) {
			e.From = l.KnownFrom.Text()
		}
	}
	return e
}

func (e linksEntry) parse() (identity.Key, standing.Links, error) {
	key, err := identity.ParseKey(e.Key)
	l := standing.Links{InAll: time.Duration(e.InAll) * time.Millisecond, First: time.UnixMilli(e.First), Seen: time.UnixMilli(e.Seen), WasOver: e.Over}
	if e.Known != 0 {
		l.KnownSince = time.UnixMilli(e.Known)
	}
	if err == nil && e.Source != "" {
		l.Source, err = standing.ParseSource(e.Source)
	}
	if err == nil && e.From != "" {
		l.KnownFrom, err = standing.ParseSource(e.From)
	}
	return key, l, err
}

// readBounded reads a regular file of at most limit bytes. Opening doesn't wait for the other end of a named pipe.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, errors.New("not a file"))
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return text, err
}

// writeFile replaces dir/known.json, with mode 0600. After a crash the file is the old one or the new
// one, whole: writeFile writes a temporary file, syncs it, renames it, and syncs the folder.
func writeFile(dir string, data []byte) error {
	temp, err := os.CreateTemp(dir, knownTemp) // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // removes nothing after the rename
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if err = cmp.Or(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, knownName))
	}
	if err != nil {
		return err
	}
	// Not every system can sync a folder. The rename then lasts only a little later.
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}
