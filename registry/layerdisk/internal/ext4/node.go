package ext4

import (
	"iter"
	"maps"
	"sort"
)

// File types, as in the mode of an inode.
const (
	TypeMask    uint16 = 0xf000
	Fifo        uint16 = 0x1000
	CharDevice  uint16 = 0x2000
	Directory   uint16 = 0x4000
	BlockDevice uint16 = 0x6000
	Regular     uint16 = 0x8000
	Symlink     uint16 = 0xa000
)

const (
	// MaxNameBytes is the longest name of an entry.
	MaxNameBytes = 255
	// MaxTargetBytes is the longest target of a symlink: it has one block, and Linux wants a zero byte after it.
	MaxTargetBytes = blockBytes - 1
	// MaxLinks is how many names a file can have.
	MaxLinks = 65000
	// MaxFileBytes is the largest file: block numbers inside of it have 32 bits.
	MaxFileBytes = (1<<32 - 1) * blockBytes
)

// Time is the modification time, which the image has for all times of a file: tar layers have no other that is reproducible.
type Time struct {
	Seconds     int64
	Nanoseconds uint32
}

// Attributes is what stat tells of a file.
type Attributes struct {
	// Mode has the type, permissions and the setuid, setgid and sticky bits.
	Mode     uint16
	UID, GID uint32
	Modified Time
	Xattrs   *Xattrs
	// Target is a symlink's.
	Target string
	// Device is a device's, from DeviceNumber.
	Device uint32
	// Content is a regular file's.
	Content *Content
}

// Node is a file while the image is made. It has as many names as directories' children point to it. What was replaced is in no
// directory any more and so gets no inode.
type Node struct {
	Attributes
	children map[string]*Node
	links    uint32
	number   uint32
	// The block with the attributes that do not fit into the inode.
	xattrBlock uint32
}

// NewNode makes a file that has no name yet.
func NewNode(attributes Attributes) *Node {
	n := &Node{Attributes: attributes}
	if n.IsDirectory() {
		n.children = make(map[string]*Node)
	}
	return n
}

// DeviceNumber is the kernel's encoding (new_encode_dev). It is false for what does not fit.
func DeviceNumber(major, minor int64) (uint32, bool) {
	if major < 0 || major >= 1<<12 || minor < 0 || minor >= 1<<20 {
		return 0, false
	}
	return uint32(minor&0xff | major<<8 | (minor&^0xff)<<12), true
}

// Type is the part of the mode under TypeMask.
func (n *Node) Type() uint16 { return n.Mode & TypeMask }

// IsDirectory tells whether it may have children.
func (n *Node) IsDirectory() bool { return n.Type() == Directory }

// Child is nil where there is none.
func (n *Node) Child(name string) *Node { return n.children[name] }

// Children are in no order.
func (n *Node) Children() iter.Seq2[string, *Node] { return maps.All(n.children) }

// Links is how many names it has.
func (n *Node) Links() uint32 { return n.links }

func (n *Node) sortedNames() []string {
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
