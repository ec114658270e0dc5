// Package layer turns the tar of an image layer into the files of an image: OCI image-spec, layer.md.
package layer

import (
	"archive/tar"
	"errors"
	"io"
	"strconv"
	"strings"

	"stowage/registry/layerdisk/internal/ext4"
	"stowage/registry/layerdisk/internal/failure"
)

// More than these would make the line of output as long as somebody likes.
const maxImplied = 10_000

// Summary is what is known of a layer when it is converted.
type Summary struct {
	// ContentBytes is the sum of the sizes of regular files: what Docker calls the size of the layer.
	ContentBytes int64
	// Entries of the tar, whiteouts too.
	Entries int
	// Whiteouts and opaque directories that the image has.
	Whiteouts         int
	OpaqueDirectories int
	// ImpliedDirectories had no entry: sorted paths, "." for the root of the layer, 10,000 at most.
	ImpliedDirectories []string
}

type converter struct {
	tar             *tar.Reader
	image           *ext4.Image
	tree            *tree
	xattrSets       map[string]*ext4.Xattrs
	maxContentBytes int64
	summary         Summary
}

// Convert reads the tar to its end mark, and leaves the image to be finished.
// Content of over maxContentBytes is TooLarge, before any of what is over is read.
func Convert(r io.Reader, image *ext4.Image, maxContentBytes int64) (Summary, error) {
	c := &converter{
		tar:             tar.NewReader(r),
		image:           image,
		tree:            newTree(image),
		xattrSets:       make(map[string]*ext4.Xattrs),
		maxContentBytes: maxContentBytes,
	}
	last := ""
	for {
		header, err := c.tar.Next()
		if err == io.EOF {
			break
		}
		// The names that archive/tar may be told to refuse are looked at below.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return Summary{}, c.damaged(err, last)
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		last = header.Name
		c.summary.Entries++
		if err := c.add(header); err != nil {
			return Summary{}, err
		}
	}
	end, err := c.tree.settle()
	c.summary.Whiteouts = end.whiteouts
	c.summary.OpaqueDirectories = end.opaqueDirectories
	c.summary.ImpliedDirectories = end.implied
	return c.summary, err
}

// damaged says where the tar cannot be read, unless what is below it has said why.
func (c *converter) damaged(err error, last string) error {
	var known *failure.Error
	if errors.As(err, &known) {
		return known
	}
	where := "at its first entry"
	if c.summary.Entries > 0 {
		where = "after or in the entry " + strconv.Quote(last)
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failure.New(failure.BlobCorrupt, "the tar ends too early, %s", where)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return failure.New(failure.BlobCorrupt, "the tar is damaged %s: %w", where, err)
	}
	return failure.New(failure.Internal, "reading the blob, %s: %w", where, err)
}

func (c *converter) add(header *tar.Header) error {
	names, err := split(header.Name)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return c.addRoot(header)
	}
	base := names[len(names)-1]
	if isMeta(names) && (base != opaqueMark || isMeta(names[:len(names)-1])) {
		return nil
	}
	dir, err := c.tree.parent(header.Name, names)
	if err != nil {
		return err
	}
	if base == opaqueMark {
		c.tree.opaque[dir] = true
		return nil
	}
	if hidden, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return c.addWhiteout(header, dir, hidden)
	}
	if header.Typeflag == tar.TypeLink {
		return c.addHardLink(header, dir, base)
	}
	attributes, err := c.attributes(header)
	if err != nil {
		return err
	}
	if attributes.Mode&ext4.TypeMask == ext4.Directory {
		c.tree.putDirectory(dir, base, attributes)
		return nil
	}
	if attributes.Mode&ext4.TypeMask == ext4.Regular {
		if attributes.Content, err = c.content(header); err != nil {
			return err
		}
	}
	c.image.Put(dir, base, ext4.NewNode(attributes))
	return nil
}

func (c *converter) addRoot(header *tar.Header) error {
	attributes, err := c.attributes(header)
	if err != nil {
		return err
	}
	if attributes.Mode&ext4.TypeMask != ext4.Directory {
		return unsupported(header, "the root of the layer is no directory")
	}
	c.tree.describe(c.tree.root, attributes)
	return nil
}

func (c *converter) addWhiteout(header *tar.Header, dir *ext4.Node, hidden string) error {
	switch hidden {
	case "":
		return unsupported(header, "a whiteout that names nothing")
	case ".", "..":
		return failure.New(failure.PathEscapes, "%q: a whiteout of %q", header.Name, hidden)
	}
	c.tree.addWhiteout(dir, hidden)
	return nil
}

func (c *converter) addHardLink(header *tar.Header, dir *ext4.Node, base string) error {
	// Names only the layer's own files, so that a leading / does no harm; some builders write one.
	names, err := components(header.Linkname)
	if err != nil {
		return failure.New(failure.Of(err).Code, "%q: as the target of a hard link: %s", header.Name, failure.Of(err).Message)
	}
	target := c.tree.find(names)
	switch {
	case target == nil:
		return failure.New(failure.LinkTargetMissing, "%q: a hard link to %q, which this layer does not have", header.Name, header.Linkname)
	case target.IsDirectory():
		return unsupported(header, "a hard link to the directory %q", header.Linkname)
	case target == dir.Child(base):
		return nil
	case target.Links() >= ext4.MaxLinks:
		return unsupported(header, "%q has %d hard links already", header.Linkname, ext4.MaxLinks)
	}
	c.image.Put(dir, base, target)
	return nil
}

func (c *converter) content(header *tar.Header) (*ext4.Content, error) {
	if header.Size > c.maxContentBytes-c.summary.ContentBytes {
		return nil, failure.New(failure.TooLarge, "%q: with this file of %d bytes the content is over the limit of %d bytes",
			header.Name, header.Size, c.maxContentBytes)
	}
	c.summary.ContentBytes += header.Size
	content, err := c.image.WriteContent(c.tar, header.Size)
	if err != nil {
		return nil, c.damaged(err, header.Name)
	}
	return content, nil
}
