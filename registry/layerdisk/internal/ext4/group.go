package ext4

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const (
	// One block of bits.
	maxGroupBlocks = blockBytes * 8
	maxGroupInodes = blockBytes * 8
	// What fills a block of the inode table.
	groupInodeUnit = blockBytes / inodeBytes
	minGroupBlocks = 256
)

// geometry is how blocks and inodes are dealt to groups. Tables and bitmaps lie together at the end (INCOMPAT_FLEX_BG).
type geometry struct{ groups, blocks, groupBlocks, groupInodes uint32 }

func (g geometry) tableBlocks() uint32 { return g.groups * g.groupInodes / groupInodeUnit }

// shape finds the geometry for inodes, and content in the blocks before table. Groups are made smaller, not the image larger,
// where there are more inodes than groups of full size could have.
func shape(table, inodes uint32) geometry {
	for groupBlocks := uint32(maxGroupBlocks); ; groupBlocks /= 2 {
		g := geometry{groupBlocks: groupBlocks}
		for needed := uint32(1); needed > g.groups; {
			g.groups = needed
			perGroup := (inodes + g.groups - 1) / g.groups
			g.groupInodes = min((perGroup+groupInodeUnit-1)/groupInodeUnit*groupInodeUnit, maxGroupInodes)
			// Zeros at the end, so that a group more needs no more blocks than its bitmaps.
			g.blocks = (table + g.tableBlocks() + 2*g.groups + imageUnitBlocks - 1) / imageUnitBlocks * imageUnitBlocks
			needed = (g.blocks + groupBlocks - 1) / groupBlocks
		}
		g.groups = max(g.groups, 1)
		if g.groups*g.groupInodes >= inodes || groupBlocks == minGroupBlocks {
			return g
		}
	}
}

type bitmap [blockBytes]byte

func (b *bitmap) set(from, to uint32) {
	for ; from < to && from%8 != 0; from++ {
		b[from/8] |= 1 << (from % 8)
	}
	for ; from+8 <= to; from += 8 {
		b[from/8] = 0xff
	}
	for ; from < to; from++ {
		b[from/8] |= 1 << (from % 8)
	}
}

// free is how many of the first n bits are not set.
func (b *bitmap) free(n uint32) (count uint32) {
	for i := range n {
		if b[i/8]&(1<<(i%8)) == 0 {
			count++
		}
	}
	return count
}

// setOverlap sets the bits of [from, to) that are in the group at first.
func (b *bitmap) setOverlap(first, size, from, to uint32) {
	if from, to = max(from, first), min(to, first+size); from < to {
		b.set(from-first, to-first)
	}
}

type descriptor struct {
	BlockBitmap, InodeBitmap, InodeTable       uint32
	FreeBlocks, FreeInodes, Directories, Flags uint16
	_                                          [3]uint32
}

// writeGroups writes bitmaps, group descriptors and the superblock.
func (im *Image) writeGroups(inodes []*Node, g geometry, table uint32, sb superblock) error {
	bitmaps := im.next
	var descriptors bytes.Buffer
	var freeBlocks, freeInodes uint32
	usedRuns := im.usedRuns(g)
	for group := range g.groups {
		d := descriptor{
			BlockBitmap: bitmaps + 2*group,
			InodeBitmap: bitmaps + 2*group + 1,
			InodeTable:  table + group*g.groupInodes/groupInodeUnit,
		}
		blocks, ofGroup := blockBitmap(usedRuns, g, group)
		inodeBits, directories := inodeBitmap(inodes, g, group)
		d.FreeBlocks = uint16(blocks.free(ofGroup))
		d.FreeInodes = uint16(inodeBits.free(g.groupInodes))
		d.Directories = directories
		freeBlocks += uint32(d.FreeBlocks)
		freeInodes += uint32(d.FreeInodes)
		for _, bits := range []*bitmap{blocks, inodeBits} {
			block, err := im.zeroedBlock()
			if err != nil {
				return err
			}
			copy(block, bits[:])
			im.keep(blockBytes)
		}
		if err := binary.Write(&descriptors, binary.LittleEndian, d); err != nil {
			return err
		}
	}
	if err := im.writeAt(descriptors.Bytes(), blockBytes); err != nil {
		return err
	}
	return im.writeAt(sb.encode(g, freeBlocks, freeInodes), superblockOffset)
}

// usedRuns is where blocks are in use, in order: not the unused room for descriptors, nor what was replaced.
func (im *Image) usedRuns(g geometry) []extent {
	slices.SortFunc(im.freed, func(a, b extent) int { return int(int64(a.physical) - int64(b.physical)) })
	descriptors := (g.groups*descriptorBytes + blockBytes - 1) / blockBytes
	runs := []extent{{physical: 0, blocks: 1 + descriptors}}
	from := uint32(firstFreeBlock)
	for _, freed := range im.freed {
		runs = append(runs, extent{physical: from, blocks: freed.physical - from})
		from = freed.physical + freed.blocks
	}
	return append(runs, extent{physical: from, blocks: im.next + 2*g.groups - from})
}

func blockBitmap(usedRuns []extent, g geometry, group uint32) (bits *bitmap, blocks uint32) {
	bits = new(bitmap)
	first := group * g.groupBlocks
	for _, run := range usedRuns {
		bits.setOverlap(first, g.groupBlocks, run.physical, run.physical+run.blocks)
	}
	// What the last group is short of, and the rest of the bitmap where groups are small, counts as used.
	blocks = min(g.groupBlocks, g.blocks-first)
	bits.set(blocks, maxGroupBlocks)
	return bits, blocks
}

func inodeBitmap(inodes []*Node, g geometry, group uint32) (bits *bitmap, directories uint16) {
	bits = new(bitmap)
	first := group * g.groupInodes
	used := uint32(len(inodes))
	bits.setOverlap(first, g.groupInodes, 0, used)
	bits.set(g.groupInodes, maxGroupInodes)
	for i := first; i < min(first+g.groupInodes, used); i++ {
		if inodes[i] != nil && inodes[i].IsDirectory() {
			directories++
		}
	}
	return bits, directories
}
