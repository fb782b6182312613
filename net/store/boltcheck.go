package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The pages of a bbolt file: a header of id u64, flags u16, count u16, overflow u32, then elements.
// Numbers are little-endian on all machines that we build for.
const (
	pageHead    = 16
	branchElem  = 16 // pos u32, key size u32, page u64
	leafElem    = 16 // flags u32, pos u32, key size u32, value size u32
	flagBranch  = 0x01
	flagLeaf    = 0x02
	flagFree    = 0x10
	elemBucket  = 1 // a leaf element's flag
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	maxPage     = 64 << 10
	maxDepth    = 16
	deepSize    = 16 << 20
)

var le = binary.LittleEndian

// meta is the content of a valid meta page.
type meta struct {
	pageSize       int
	root, free, hw uint64
	txid           uint64
}

// checkPages checks the structure of a bbolt file before bbolt opens it: its branch pages, its root
// and its list of free pages. A bad pointer among them can make bbolt recurse without end or
// allocate without bound, which no recover catches. Other damage makes bbolt fault or panic, or
// fails our checksums. The leaves are nearly all of a large file, so only files up to deepSize have
// them checked. That also finds damage that hides a record and breaks nothing.
func checkPages(r io.ReaderAt, size int64) error {
	m, valid, err := readMeta(r, size)
	if err != nil {
		return err
	}
	if valid != 2 {
		// bbolt would silently return to the commit before the last. To a good file this happens only by a
		// power cut in the middle of a sector, and then recovery loses nothing either.
		return fmt.Errorf("one of the two meta pages is not valid")
	}
	c := &checker{r: r, m: m, deep: size <= deepSize}
	if m.hw > uint64(size)/uint64(m.pageSize) {
		return fmt.Errorf("%d pages in a file of %d bytes", m.hw, size)
	}
	c.seen = make([]bool, m.hw)
	if err := c.checkFreelist(); err != nil {
		return err
	}
	// The root bucket's leaves say where the other buckets begin.
	roots, err := c.checkTree(c.m.root, nil, 0, true)
	if err != nil {
		return err
	}
	for _, root := range roots {
		if _, err := c.checkTree(root, nil, 0, false); err != nil {
			return err
		}
	}
	if !c.deep {
		return nil
	}
	for page := uint64(2); page < m.hw; page++ {
		if !c.seen[page] {
			return fmt.Errorf("page %d is neither used nor free", page)
		}
	}
	return nil
}

// readMeta returns the newer valid one of the two meta pages, as bbolt does, and the number of
// valid pages.
func readMeta(r io.ReaderAt, size int64) (best meta, valid int, err error) {
	try := func(at int64) bool {
		var page [pageHead + 64]byte
		if _, err := r.ReadAt(page[:], at); err != nil {
			return false
		}
		b := page[pageHead:]
		h := fnv.New64a()
		h.Write(b[:56])
		m := meta{int(le.Uint32(b[8:])), le.Uint64(b[16:]), le.Uint64(b[32:]), le.Uint64(b[40:]), le.Uint64(b[48:])}
		if le.Uint32(b) != boltMagic || le.Uint32(b[4:]) != boltVersion || le.Uint64(b[56:]) != h.Sum64() ||
			m.pageSize < 512 || m.pageSize > maxPage || m.pageSize&(m.pageSize-1) != 0 {
			return false
		}
		if valid++; valid == 1 || m.txid > best.txid {
			best = m
		}
		return true
	}
	if try(0) {
		try(int64(best.pageSize))
	} else {
		for at := int64(1 << 10); at <= maxPage && at < size && !try(at); at *= 2 {
		}
	}
	if valid == 0 {
		return meta{}, 0, fmt.Errorf("no valid meta page")
	}
	return best, valid, nil
}

type checker struct {
	r    io.ReaderAt
	m    meta
	deep bool   // check the leaves, too
	seen []bool // by page: whether it is referred to, or free
}

// claimPages notes that n pages are referred to. Each page may be claimed only once.
func (c *checker) claimPages(first, n uint64) error {
	for i := range n {
		page := first + i
		if page < 2 || page >= c.m.hw {
			return fmt.Errorf("page %d is out of range", page)
		}
		if c.seen[page] {
			return fmt.Errorf("page %d is referred to twice", page)
		}
		c.seen[page] = true
	}
	return nil
}

// header is the beginning of a page.
type header struct {
	page     uint64
	flags    uint16
	count    int
	overflow uint32
}

func (c *checker) readHeader(page uint64) (h header, err error) {
	if page >= c.m.hw {
		return h, fmt.Errorf("page %d is out of range", page)
	}
	var b [pageHead]byte
	if _, err := c.r.ReadAt(b[:], int64(page)*int64(c.m.pageSize)); err != nil {
		return h, err
	}
	h = header{le.Uint64(b[:]), le.Uint16(b[8:]), int(le.Uint16(b[10:])), le.Uint32(b[12:])}
	if h.page != page {
		return h, fmt.Errorf("page %d says that it is page %d", page, h.page)
	}
	if uint64(h.overflow) >= c.m.hw-page {
		return h, fmt.Errorf("page %d ends outside the file", page)
	}
	return h, nil
}

// readWhole reads a page and its overflow pages.
func (c *checker) readWhole(h header) ([]byte, error) {
	b := make([]byte, (int(h.overflow)+1)*c.m.pageSize)
	_, err := c.r.ReadAt(b, int64(h.page)*int64(c.m.pageSize))
	return b, err
}

// checkFreelist claims the free pages and the pages of the list itself.
func (c *checker) checkFreelist() error {
	h, err := c.readHeader(c.m.free)
	if err != nil {
		return err
	}
	if h.flags != flagFree {
		return fmt.Errorf("page %d is no freelist", c.m.free)
	}
	if err := c.claimPages(c.m.free, uint64(h.overflow)+1); err != nil {
		return err
	}
	b, err := c.readWhole(h)
	if err != nil {
		return err
	}
	b = b[pageHead:]
	count := uint64(h.count)
	if count == 0xffff {
		count, b = le.Uint64(b), b[8:]
	}
	if count > uint64(len(b)/8) {
		return fmt.Errorf("freelist of %d pages", count)
	}
	for i := range count {
		if err := c.claimPages(le.Uint64(b[8*i:]), 1); err != nil {
			return err
		}
	}
	return nil
}

// checkTree claims and checks the pages from page down. first is the first key that page must have, or nil.
// For the root bucket it returns the first pages of the buckets in it.
func (c *checker) checkTree(page uint64, first []byte, depth int, isRoot bool) (roots []uint64, err error) {
	if err := c.claimPages(page, 1); err != nil {
		return nil, err
	}
	h, err := c.readHeader(page)
	if err != nil {
		return nil, err
	}
	switch {
	case depth > maxDepth:
		return nil, fmt.Errorf("page %d lies too deep", page)
	case h.flags == flagLeaf:
		return c.checkLeaf(h, first, isRoot)
	case h.flags != flagBranch || h.count == 0:
		return nil, fmt.Errorf("page %d is neither branch nor leaf", page)
	}
	children, keys, err := c.readBranch(h, first)
	if err != nil {
		return nil, err
	}
	// All leaves of a tree have one depth, so two of a branch's children tell what all are.
	child, err := c.readHeader(children[0])
	if err != nil {
		return nil, err
	}
	kind := child.flags
	if last, err := c.readHeader(children[h.count-1]); err != nil || last.flags != kind {
		return nil, fmt.Errorf("page %d has leaves at two depths (%v)", page, err)
	}
	for i, child := range children {
		if kind == flagLeaf && !isRoot && !c.deep {
			if err := c.claimPages(child, 1); err != nil {
				return nil, err
			}
			continue
		}
		if h, err := c.readHeader(child); err != nil || h.flags != kind {
			return nil, fmt.Errorf("page %d is not what its neighbours are (%v)", child, err)
		}
		more, err := c.checkTree(child, keys[i], depth+1, isRoot)
		if err != nil {
			return nil, err
		}
		roots = append(roots, more...)
	}
	return roots, nil
}

// readBranch returns a branch page's children and the first key of each.
func (c *checker) readBranch(h header, first []byte) (children []uint64, keys [][]byte, err error) {
	b, err := c.readWhole(h)
	if err != nil {
		return nil, nil, err
	}
	if pageHead+h.count*branchElem > len(b) {
		return nil, nil, fmt.Errorf("page %d has %d elements", h.page, h.count)
	}
	for i := range h.count {
		at := pageHead + i*branchElem
		key := int64(at) + int64(le.Uint32(b[at:]))
		end := key + int64(le.Uint32(b[at+4:]))
		if end > int64(len(b)) {
			return nil, nil, fmt.Errorf("page %d has a key outside", h.page)
		}
		keys = append(keys, b[key:end])
		children = append(children, le.Uint64(b[at+8:]))
	}
	return children, keys, checkAscending(h.page, keys, first)
}

// checkLeaf checks a leaf of the root bucket, and other leaves only in deep mode.
func (c *checker) checkLeaf(h header, first []byte, isRoot bool) (roots []uint64, err error) {
	if !c.deep && !isRoot {
		return nil, nil
	}
	if err := c.claimPages(h.page+1, uint64(h.overflow)); err != nil {
		return nil, err
	}
	b, err := c.readWhole(h)
	if err != nil {
		return nil, err
	}
	keys, roots, err := readLeaf(b, h.count, isRoot)
	if err != nil {
		return nil, fmt.Errorf("page %d: %w", h.page, err)
	}
	return roots, checkAscending(h.page, keys, first)
}

// readLeaf returns the keys of a leaf, and for the root bucket the first pages of the buckets in it.
// Small buckets have no page: they lie in the leaf itself. The first key lies right behind the last
// element, so its place confirms count.
func readLeaf(b []byte, count int, isRoot bool) (keys [][]byte, roots []uint64, err error) {
	if pageHead+count*leafElem > len(b) || count > 0 && int(le.Uint32(b[pageHead+4:])) != count*leafElem {
		return nil, nil, fmt.Errorf("%d elements where there are more or fewer", count)
	}
	inside := forEachElement(b, count, func(flags uint32, key, value []byte) {
		keys = append(keys, key)
		switch {
		case !isRoot && flags == 0: // a value
		case !isRoot:
			err = fmt.Errorf("an element that is no value")
		case flags&elemBucket == 0 || len(value) < 16:
			err = fmt.Errorf("something else than a bucket among the buckets")
		case le.Uint64(value) != 0:
			roots = append(roots, le.Uint64(value))
		case len(value) < 16+pageHead || le.Uint16(value[16+8:]) != flagLeaf ||
			!forEachElement(value[16:], int(le.Uint16(value[16+10:])), func(uint32, []byte, []byte) {}):
			err = fmt.Errorf("a damaged small bucket")
		}
	})
	if !inside {
		err = fmt.Errorf("an element outside")
	}
	return keys, roots, err
}

// checkAscending returns an error if the keys of a page don't ascend from first on.
func checkAscending(page uint64, keys [][]byte, first []byte) error {
	if first != nil && (len(keys) == 0 || !bytes.Equal(keys[0], first)) {
		return fmt.Errorf("page %d does not begin with the key that leads to it", page)
	}
	for i := 1; i < len(keys); i++ {
		if bytes.Compare(keys[i-1], keys[i]) >= 0 {
			return fmt.Errorf("page %d is out of order", page)
		}
	}
	return nil
}

// forEachElement calls f with the elements of a leaf page. It returns false if some lie outside the
// page.
func forEachElement(page []byte, count int, f func(flags uint32, key, value []byte)) bool {
	if len(page) < pageHead {
		return false
	}
	ok := true
	for i := range count {
		at := pageHead + i*leafElem
		if at+leafElem > len(page) {
			return false
		}
		key := int64(at) + int64(le.Uint32(page[at+4:]))
		value := key + int64(le.Uint32(page[at+8:]))
		end := value + int64(le.Uint32(page[at+12:]))
		if end > int64(len(page)) {
			ok = false
			continue
		}
		f(le.Uint32(page[at:]), page[key:value], page[value:end])
	}
	return ok
}
