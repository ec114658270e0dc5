package ext4

import (
	"strings"
)

const (
	rootInode  = 2
	firstInode = 11
	// Images are whole MiB, and so whole sectors, whole blocks and whole KiB of a capacity; VMFS hands out space by the MiB anyway.
	imageUnitBlocks = 1 << 20 / blockBytes
)

// Finish writes what describes the content and gives the size that the file must be extended to.
func (im *Image) Finish(uuid [16]byte, label string) (imageBytes int64, err error) {
	lostAndFound := NewNode(Attributes{Mode: Directory | 0o700})
	im.Put(im.root, "lost+found", lostAndFound)
	im.root.links++ // its ".."
	lostAndFound.number = firstInode
	im.root.number = rootInode

	inodes, err := im.writeNodes()
	if err != nil {
		return 0, err
	}
	table := im.next
	g := shape(table, uint32(len(inodes)))
	if g.blocks > maxBlocks || g.groups > descriptorBlocks*blockBytes/descriptorBytes {
		return 0, im.tooLarge()
	}
	if err := im.writeInodes(inodes, g); err != nil {
		return 0, err
	}
	if err := im.writeGroups(inodes, g, table, superblock{uuid: uuid, label: label}); err != nil {
		return 0, err
	}
	return int64(g.blocks) * blockBytes, im.flush()
}

// writeNodes numbers the inodes, those of one directory in a row, and writes directories, long targets and attributes that do
// not fit into inodes. The inode with the number n is at n-1 of the result.
func (im *Image) writeNodes() ([]*Node, error) {
	type place struct{ directory, parent *Node }
	lostAndFound := im.root.children["lost+found"]
	inodes := make([]*Node, firstInode, 1024)
	inodes[rootInode-1], inodes[firstInode-1] = im.root, lostAndFound
	for queue := []place{{im.root, im.root}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, name := range at.directory.sortedNames() {
			child := at.directory.children[name]
			if child.number == 0 {
				inodes = append(inodes, child)
				child.number = uint32(len(inodes))
			}
			if child.IsDirectory() {
				queue = append(queue, place{child, at.directory})
			}
		}
		if err := im.writeDirectory(at.directory, at.parent); err != nil {
			return nil, err
		}
	}
	for _, node := range inodes {
		if node == nil {
			continue
		}
		if err := im.writeOverflow(node); err != nil {
			return nil, err
		}
	}
	return inodes, nil
}

func (im *Image) writeOverflow(n *Node) error {
	if n.Type() == Symlink && len(n.Target) > maxInlineTarget {
		content, err := im.WriteContent(strings.NewReader(n.Target), int64(len(n.Target)))
		if err != nil {
			return err
		}
		n.Content = content
	}
	_, inBlock := n.Xattrs.split()
	if len(inBlock) == 0 {
		return nil
	}
	block, err := im.zeroedBlock()
	if err != nil {
		return err
	}
	putXattrBlock(block, inBlock)
	n.xattrBlock = im.next
	im.keep(blockBytes)
	return nil
}

func (im *Image) writeInodes(inodes []*Node, g geometry) error {
	const perBlock = blockBytes / inodeBytes
	for at := 0; at < len(inodes); at += perBlock {
		block, err := im.zeroedBlock()
		if err != nil {
			return err
		}
		for i, node := range inodes[at:min(at+perBlock, len(inodes))] {
			if node != nil {
				putInode(block[i*inodeBytes:(i+1)*inodeBytes], node)
			}
		}
		im.keep(blockBytes)
	}
	return im.leave(g.tableBlocks() - blocksOf(int64(len(inodes))*inodeBytes))
}
