package ext4

import "encoding/binary"

const (
	extentMagic     = 0xf30a
	extentBytes     = 12
	inlineExtents   = 4
	extentsPerBlock = blockBytes/extentBytes - 1
	maxExtentBlocks = 1 << 15
	blockMapBytes   = 60
)

// extent is a run of blocks that a file has (a leaf of its tree), or a block of the tree (blocks is 0 then).
type extent struct{ logical, physical, blocks uint32 }

// appendRun adds a run, in the order of the file. Runs that touch on both sides become one.
func appendRun(extents []extent, run extent) []extent {
	if n := len(extents); n > 0 {
		last := &extents[n-1]
		if last.logical+last.blocks == run.logical && last.physical+last.blocks == run.physical &&
			last.blocks+run.blocks <= maxExtentBlocks {
			last.blocks += run.blocks
			return extents
		}
	}
	return append(extents, run)
}

// putExtents writes one node of the tree: its header and entries.
func putExtents(b []byte, entries []extent, room, depth int) {
	order := binary.LittleEndian
	order.PutUint16(b, extentMagic)
	order.PutUint16(b[2:], uint16(len(entries)))
	order.PutUint16(b[4:], uint16(room))
	order.PutUint16(b[6:], uint16(depth))
	for i, e := range entries {
		at := b[(i+1)*extentBytes:]
		order.PutUint32(at, e.logical)
		if depth > 0 {
			order.PutUint32(at[4:], e.physical)
			continue
		}
		order.PutUint16(at[4:], uint16(e.blocks))
		order.PutUint32(at[8:], e.physical)
	}
}

// writeTree writes the nodes of the tree that do not fit into the inode, leaves first, and gives what the inode has.
func (im *Image) writeTree(extents []extent) (root [blockMapBytes]byte, err error) {
	depth := 0
	for ; len(extents) > inlineExtents; depth++ {
		var parents []extent
		for len(extents) > 0 {
			n := min(len(extents), extentsPerBlock)
			block, err := im.zeroedBlock()
			if err != nil {
				return root, err
			}
			putExtents(block, extents[:n], extentsPerBlock, depth)
			parents = append(parents, extent{logical: extents[0].logical, physical: im.next})
			im.keep(blockBytes)
			extents = extents[n:]
		}
		extents = parents
	}
	putExtents(root[:], extents, inlineExtents, depth)
	return root, nil
}
