package ext4

import "encoding/binary"

const (
	superblockOffset = 1024
	superblockBytes  = 1024
	magic            = 0xef53

	// SPARSE_SUPER2 with no backup groups: no copies of the superblock in the way of content.
	compatFeatures = 0x8 | 0x200 // EXT_ATTR, SPARSE_SUPER2
	// No checksums, so no writer that wants to change the UUID has anything to mend.
	incompatFeatures = 0x2 | 0x40 | 0x200 // FILETYPE, EXTENTS, FLEX_BG
	// READONLY: no kernel mounts it for writing.
	roCompatFeatures = 0x2 | 0x8 | 0x20 | 0x40 | 0x1000 // LARGE_FILE, HUGE_FILE, DIR_NLINK, EXTRA_ISIZE, READONLY
)

type superblock struct {
	uuid  [16]byte
	label string
}

// encode leaves all times at 0.
func (s superblock) encode(g geometry, freeBlocks, freeInodes uint32) []byte {
	b := make([]byte, superblockBytes)
	order := binary.LittleEndian
	for at, value := range map[int]uint32{
		0x00: g.groups * g.groupInodes,
		0x04: g.blocks,
		0x0c: freeBlocks,
		0x10: freeInodes,
		0x18: 2, // blocks of 1024<<2
		0x1c: 2, // clusters of one block
		0x20: g.groupBlocks,
		0x24: g.groupBlocks,
		0x28: g.groupInodes,
		0x4c: 1, // revision with inodes of any size
		0x54: firstInode,
		0x5c: compatFeatures,
		0x60: incompatFeatures,
		0x64: roCompatFeatures,
		// lost+found
		0x268: firstInode,
	} {
		order.PutUint32(b[at:], value)
	}
	for at, value := range map[int]uint16{
		0x36:  0xffff, // no check after so many mounts
		0x38:  magic,
		0x3a:  1, // cleanly unmounted
		0x3c:  1, // continue on errors
		0x58:  inodeBytes,
		0x15c: inodeExtraBytes,
		0x15e: inodeExtraBytes,
	} {
		order.PutUint16(b[at:], value)
	}
	b[0x174] = 31 // all groups are one flexible group
	copy(b[0x68:0x78], s.uuid[:])
	copy(b[0x78:0x88], s.label)
	return b
}
