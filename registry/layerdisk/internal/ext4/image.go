// Package ext4 writes a read-only ext4 file system in one pass: content as it comes, all that describes it at the end.
//
// The layout is that of the compact writer in github.com/Microsoft/hcsshim/ext4 (MIT), from which parts of this package derive;
// see README.md for why it is not used as it is.
//
//	superblock | room for group descriptors | content, extent trees | directories, xattrs | inode table | bitmaps | unused
package ext4

import (
	"bytes"
	"io"
	"strings"

	"stowage/registry/layerdisk/internal/failure"
)

const (
	blockBytes = 4096
	// MaxImageBytes is for how much there is room in the group descriptors. The room is the same in every image, since they come
	// before content whose size nobody knows yet: half a MiB, never written and so no space on the host.
	MaxImageBytes    = 2 << 40
	maxBlocks        = MaxImageBytes / blockBytes
	descriptorBytes  = 32
	descriptorBlocks = maxBlocks / maxGroupBlocks * descriptorBytes / blockBytes
	firstFreeBlock   = 1 + descriptorBlocks

	// Content is looked at in pieces of this size: one that is all zeros becomes a hole. Smaller ones would make many extents.
	pieceBytes  = 64 << 10
	bufferBytes = 1 << 20
)

var zeroPiece [pieceBytes]byte

// Image is a file system while it is written. Blocks are handed out in order. Not for concurrent use.
type Image struct {
	out io.WriterAt
	// The next block to hand out, and what is before it and not written yet.
	next   uint32
	buffer []byte
	used   int
	// Blocks of files that were replaced.
	freed []extent
	root  *Node
}

// New begins an image in a file that is empty. Blocks that are never written must read as zeros.
func New(out io.WriterAt) *Image {
	root := NewNode(Attributes{Mode: Directory | 0o755})
	return &Image{out: out, next: firstFreeBlock, buffer: make([]byte, bufferBytes), root: root}
}

// Root is the file system's own, beside lost+found.
func (im *Image) Root() *Node { return im.root }

// Put gives node the name in dir, in place of what has it.
func (im *Image) Put(dir *Node, name string, node *Node) {
	// Counted first: what is replaced may be a directory with the node's only other name in it.
	node.links++
	if dir.children[name] != nil {
		im.remove(dir, name)
	}
	dir.children[strings.Clone(name)] = node
}

// remove takes a name away, and with the last name of a file its content; with a directory all that is in it.
func (im *Image) remove(dir *Node, name string) {
	node := dir.children[name]
	delete(dir.children, name)
	node.links--
	for each := range node.children {
		im.remove(node, each)
	}
	if node.links == 0 && node.Content != nil && node.Content.blocks > 0 {
		im.freed = append(im.freed, extent{physical: node.Content.first, blocks: node.Content.blocks})
	}
}

// Content is the data of a regular file. Its blocks, those of its extent tree too, follow one another.
type Content struct {
	Size          int64
	blockMap      [blockMapBytes]byte
	first, blocks uint32
}

// WriteContent takes size bytes from r. An error of r is given as it is, io.ErrUnexpectedEOF for too few bytes.
func (im *Image) WriteContent(r io.Reader, size int64) (*Content, error) {
	content := &Content{Size: size, first: im.next}
	var extents []extent
	for at := int64(0); at < size; {
		n := int(min(size-at, pieceBytes))
		piece, err := im.room(pieceBytes)
		if err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, piece[:n]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if piece[0] != 0 || !bytes.Equal(piece[:n], zeroPiece[:n]) {
			run := extent{logical: uint32(at / blockBytes), physical: im.next, blocks: blocksOf(int64(n))}
			extents = appendRun(extents, run)
			im.keep(n)
		}
		at += int64(n)
	}
	var err error
	if content.blockMap, err = im.writeTree(extents); err != nil {
		return nil, err
	}
	content.blocks = im.next - content.first
	return content, nil
}

func blocksOf(n int64) uint32 { return uint32((n + blockBytes - 1) / blockBytes) }

// room gives at least n bytes to be filled; keep makes blocks of them.
func (im *Image) room(n int) ([]byte, error) {
	if im.next > maxBlocks-blocksOf(int64(n)) {
		return nil, im.tooLarge()
	}
	if len(im.buffer)-im.used < n {
		if err := im.flush(); err != nil {
			return nil, err
		}
	}
	return im.buffer[im.used:], nil
}

func (im *Image) tooLarge() error {
	return failure.New(failure.TooLarge, "the image would be over %d bytes", int64(MaxImageBytes))
}

func (im *Image) zeroedBlock() ([]byte, error) {
	block, err := im.room(blockBytes)
	if err != nil {
		return nil, err
	}
	clear(block[:blockBytes])
	return block[:blockBytes], nil
}

// keep makes blocks of the first n bytes of the room, and zeros of the rest of the last one.
func (im *Image) keep(n int) {
	blocks := blocksOf(int64(n))
	clear(im.buffer[im.used+n : im.used+int(blocks)*blockBytes])
	im.used += int(blocks) * blockBytes
	im.next += blocks
}

func (im *Image) flush() error {
	at := int64(im.next)*blockBytes - int64(im.used)
	n := im.used
	im.used = 0
	return im.writeAt(im.buffer[:n], at)
}

// leave hands out blocks that stay zero.
func (im *Image) leave(blocks uint32) error {
	if err := im.flush(); err != nil {
		return err
	}
	im.next += blocks
	return nil
}

func (im *Image) writeAt(b []byte, at int64) error {
	if _, err := im.out.WriteAt(b, at); err != nil {
		return failure.New(failure.DiskFailed, "writing the image: %w", err)
	}
	return nil
}
