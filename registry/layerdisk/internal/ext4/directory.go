package ext4

import "encoding/binary"

const directoryEntryBytes = 8

// writeDirectory makes n's content. All inodes have their numbers.
func (im *Image) writeDirectory(n, parent *Node) error {
	content := &Content{first: im.next}
	var extents []extent
	var block []byte
	used, last := blockBytes, 0
	// The last entry of a block reaches to its end.
	finish := func() {
		binary.LittleEndian.PutUint16(block[last+4:], uint16(blockBytes-last))
		extents = appendRun(extents, extent{logical: uint32(content.Size / blockBytes), physical: im.next, blocks: 1})
		content.Size += blockBytes
		im.keep(blockBytes)
	}
	add := func(name string, of *Node) (err error) {
		size := (directoryEntryBytes + len(name) + 3) &^ 3
		if used+size > blockBytes {
			if block != nil {
				finish()
			}
			if block, err = im.zeroedBlock(); err != nil {
				return err
			}
			used = 0
		}
		entry := block[used:]
		binary.LittleEndian.PutUint32(entry, of.number)
		binary.LittleEndian.PutUint16(entry[4:], uint16(size))
		entry[6], entry[7] = uint8(len(name)), entryType(of.Type())
		copy(entry[directoryEntryBytes:], name)
		last, used = used, used+size
		return nil
	}
	if err := add(".", n); err != nil {
		return err
	}
	if err := add("..", parent); err != nil {
		return err
	}
	for _, name := range n.sortedNames() {
		if err := add(name, n.children[name]); err != nil {
			return err
		}
	}
	finish()
	var err error
	content.blockMap, err = im.writeTree(extents)
	content.blocks = im.next - content.first
	n.Content = content
	return err
}

func entryType(mode uint16) uint8 {
	switch mode {
	case Regular:
		return 1
	case Directory:
		return 2
	case CharDevice:
		return 3
	case BlockDevice:
		return 4
	case Fifo:
		return 5
	case Symlink:
		return 7
	}
	return 0
}
