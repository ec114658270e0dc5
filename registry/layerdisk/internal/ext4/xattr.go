package ext4

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

const (
	xattrMagic       = 0xea020000
	xattrEntryBytes  = 16
	xattrEndBytes    = 4
	xattrBlockHeader = 32
	// The magic number, and then entries from the front and values from the back.
	inodeXattrRoom = inodeBytes - inodeUsedBytes - 4 - xattrEndBytes
	blockXattrRoom = blockBytes - xattrBlockHeader - xattrEndBytes
)

// Namespaces that ext4 has a number for. Linux knows no others on ext4.
var xattrNamespaces = []struct {
	prefix  string
	index   uint8
	isWhole bool
}{
	{"system.posix_acl_access", 2, true},
	{"system.posix_acl_default", 3, true},
	{"user.", 1, false},
	{"trusted.", 4, false},
	{"security.", 6, false},
}

// Xattrs is a set of extended attributes. It never changes, so files may share one.
type Xattrs struct{ attributes []xattr }

type xattr struct {
	index uint8
	name  string
	value []byte
}

func (x *xattr) valueBytes() int { return (len(x.value) + 3) &^ 3 }
func (x *xattr) bytes() int      { return xattrEntryBytes + (len(x.name)+3)&^3 + x.valueBytes() }

// IsXattrName tells whether ext4 can have an attribute of that name.
func IsXattrName(name string) bool {
	_, ok := newXattr(name, nil)
	return ok
}

func newXattr(name string, value []byte) (xattr, bool) {
	for _, namespace := range xattrNamespaces {
		rest, ok := strings.CutPrefix(name, namespace.prefix)
		if ok && namespace.isWhole == (rest == "") && len(name) <= 255 {
			return xattr{index: namespace.index, name: rest, value: value}, true
		}
	}
	return xattr{}, false
}

// NewXattrs makes a set of attributes whose names IsXattrName. The error is for a person: what does not fit, or is no ACL.
func NewXattrs(values map[string]string) (*Xattrs, error) {
	set := &Xattrs{}
	for name, value := range values {
		x, _ := newXattr(name, []byte(value))
		if x.name == "" {
			var err error
			if x.value, err = aclOnDisk(x.value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		set.attributes = append(set.attributes, x)
	}
	set.sort()
	return set, set.check()
}

// With is the set and one attribute more, or another value of it.
func (s *Xattrs) With(name, value string) (*Xattrs, error) {
	added, _ := newXattr(name, []byte(value))
	more := &Xattrs{attributes: []xattr{added}}
	if s != nil {
		for _, x := range s.attributes {
			if x.index != added.index || x.name != added.name {
				more.attributes = append(more.attributes, x)
			}
		}
	}
	more.sort()
	return more, more.check()
}

// The order that Linux searches a block in.
func (s *Xattrs) sort() {
	sort.Slice(s.attributes, func(i, j int) bool {
		a, b := s.attributes[i], s.attributes[j]
		if a.index != b.index {
			return a.index < b.index
		}
		if len(a.name) != len(b.name) {
			return len(a.name) < len(b.name)
		}
		return a.name < b.name
	})
}

// split tells what goes into the inode and what into a block.
func (s *Xattrs) split() (inInode, inBlock []xattr) {
	if s == nil {
		return nil, nil
	}
	room := inodeXattrRoom
	for _, x := range s.attributes {
		if x.bytes() <= room {
			inInode = append(inInode, x)
			room -= x.bytes()
		} else {
			inBlock = append(inBlock, x)
		}
	}
	return inInode, inBlock
}

func (s *Xattrs) check() error {
	_, inBlock := s.split()
	room := blockXattrRoom
	for _, x := range inBlock {
		room -= x.bytes()
	}
	if room < 0 {
		return fmt.Errorf("extended attributes take %d bytes more than ext4 has room for", -room)
	}
	return nil
}

// putXattrs writes entries from the front of b and values from its back; offsets count from base bytes before b.
func putXattrs(b []byte, attributes []xattr, base int) {
	order := binary.LittleEndian
	at, end := 0, len(b)
	for _, x := range attributes {
		entry := b[at:]
		entry[0], entry[1] = uint8(len(x.name)), x.index
		if len(x.value) > 0 {
			end -= x.valueBytes()
			copy(b[end:], x.value)
			order.PutUint16(entry[2:], uint16(end+base))
		}
		order.PutUint32(entry[8:], uint32(len(x.value)))
		order.PutUint32(entry[12:], hashXattr(x))
		copy(entry[xattrEntryBytes:], x.name)
		at += x.bytes() - x.valueBytes()
	}
}

func putXattrBlock(b []byte, attributes []xattr) {
	order := binary.LittleEndian
	order.PutUint32(b, xattrMagic)
	order.PutUint32(b[4:], 1) // references
	order.PutUint32(b[8:], 1) // blocks
	putXattrs(b[xattrBlockHeader:], attributes, xattrBlockHeader)
}

// hashXattr is ext4_xattr_hash_entry.
func hashXattr(x xattr) uint32 {
	var hash uint32
	for i := range len(x.name) {
		hash = hash<<5 ^ hash>>27 ^ uint32(x.name[i])
	}
	for at := 0; at < len(x.value); at += 4 {
		var word [4]byte
		copy(word[:], x.value[at:])
		hash = hash<<16 ^ hash>>16 ^ binary.LittleEndian.Uint32(word[:])
	}
	return hash
}

// aclOnDisk turns an ACL as programs and tars have it (posix_acl_xattr.h, version 2) into ext4's (acl.h, version 1), where only
// named users and groups have an id.
func aclOnDisk(acl []byte) ([]byte, error) {
	const version, entryBytes, aclUser, aclGroup = 2, 8, 0x02, 0x08
	order := binary.LittleEndian
	if len(acl) < 4 || order.Uint32(acl) != version || len(acl)%entryBytes != 4 {
		return nil, fmt.Errorf("is no POSIX ACL of version %d", version)
	}
	stored := order.AppendUint32(nil, 1)
	for entry := acl[4:]; len(entry) > 0; entry = entry[entryBytes:] {
		stored = append(stored, entry[:4]...)
		if tag := order.Uint16(entry); tag == aclUser || tag == aclGroup {
			stored = append(stored, entry[4:entryBytes]...)
		}
	}
	return stored, nil
}
