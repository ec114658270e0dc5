package ext4

import "encoding/binary"

const (
	inodeBytes = 256
	// The fields of the classic inode and 32 more, to the project id.
	inodeExtraBytes = 32
	inodeUsedBytes  = 128 + inodeExtraBytes
	inodeFlagExtent = 0x80000
	// A longer target has a block.
	maxInlineTarget = blockMapBytes - 1
	sectorsPerBlock = blockBytes / 512
)

// putInode writes n into b, which is zeroed.
func putInode(b []byte, n *Node) {
	order := binary.LittleEndian
	put64 := func(low, high int, value uint64) {
		order.PutUint32(b[low:], uint32(value))
		order.PutUint32(b[high:], uint32(value>>32))
	}
	order.PutUint16(b[0x00:], n.Mode)
	order.PutUint16(b[0x02:], uint16(n.UID))
	order.PutUint16(b[0x78:], uint16(n.UID>>16))
	order.PutUint16(b[0x18:], uint16(n.GID))
	order.PutUint16(b[0x7a:], uint16(n.GID>>16))
	order.PutUint16(b[0x1a:], linkCount(n))
	order.PutUint16(b[0x80:], inodeExtraBytes)
	seconds, extra := n.Modified.onDisk()
	for _, field := range [][2]int{{0x08, 0x8c}, {0x0c, 0x84}, {0x10, 0x88}, {0x90, 0x94}} { // atime, ctime, mtime, crtime
		order.PutUint32(b[field[0]:], seconds)
		order.PutUint32(b[field[1]:], extra)
	}

	var blocks uint64
	switch {
	case n.Content != nil:
		put64(0x04, 0x6c, uint64(n.Content.Size))
		copy(b[0x28:], n.Content.blockMap[:])
		order.PutUint32(b[0x20:], inodeFlagExtent)
		blocks = uint64(n.Content.blocks)
	case n.Type() == Symlink:
		put64(0x04, 0x6c, uint64(len(n.Target)))
		copy(b[0x28:], n.Target)
	case n.Type() == CharDevice || n.Type() == BlockDevice:
		order.PutUint32(b[0x2c:], n.Device)
	}
	if n.xattrBlock != 0 {
		order.PutUint32(b[0x68:], n.xattrBlock)
		blocks++
	}
	order.PutUint32(b[0x1c:], uint32(blocks*sectorsPerBlock))
	order.PutUint16(b[0x74:], uint16(blocks*sectorsPerBlock>>32))

	if inInode, _ := n.Xattrs.split(); len(inInode) > 0 {
		order.PutUint32(b[inodeUsedBytes:], xattrMagic)
		putXattrs(b[inodeUsedBytes+4:inodeBytes], inInode, 0)
	}
}

// linkCount is 1 for a directory with more subdirectories than can be counted (RO_COMPAT_DIR_NLINK).
func linkCount(n *Node) uint16 {
	links := n.links
	if n.IsDirectory() {
		links++ // its "."
		for _, child := range n.children {
			if child.IsDirectory() {
				links++
			}
		}
		if links > MaxLinks {
			return 1
		}
	}
	return uint16(links)
}

// onDisk is ext4_encode_extra_time: 34 bits of seconds from 1901 to 2446. What is outside gets the nearest.
func (t Time) onDisk() (seconds, extra uint32) {
	const first, last = -1 << 31, 1<<34 - 1<<31 - 1
	at := min(max(t.Seconds, first), last)
	epoch := uint32((at-int64(int32(at)))>>32) & 3
	return uint32(at), epoch | t.Nanoseconds<<2
}
