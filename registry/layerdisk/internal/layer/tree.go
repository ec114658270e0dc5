package layer

import (
	"sort"
	"strings"

	"stowage/registry/layerdisk/internal/ext4"
	"stowage/registry/layerdisk/internal/failure"
)

// tree is the layer's files in the image, and what is only known at the end: whiteouts yield to entries of the same name, which
// may come after them, and the attributes of an implied directory may still come.
type tree struct {
	image *ext4.Image
	root  *ext4.Node
	// Directories with no entry of their own so far.
	implied map[*ext4.Node]bool
	// Directories that hide those of the same name in lower layers.
	opaque map[*ext4.Node]bool
	// By the directory that they are in, so that they go when it is replaced.
	whiteouts map[*ext4.Node][]string
}

func newTree(image *ext4.Image) *tree {
	t := &tree{
		image:     image,
		implied:   make(map[*ext4.Node]bool),
		opaque:    make(map[*ext4.Node]bool),
		whiteouts: make(map[*ext4.Node][]string),
	}
	t.root = t.impliedDirectory()
	// Below the file system's root, which has lost+found.
	image.Put(image.Root(), "rootfs", t.root)
	return t
}

func (t *tree) impliedDirectory() *ext4.Node {
	node := ext4.NewNode(ext4.Attributes{Mode: ext4.Directory | 0o755})
	t.implied[node] = true
	return node
}

// parent finds the directory that an entry is in, and makes those that the layer left out.
func (t *tree) parent(path string, names []string) (*ext4.Node, error) {
	dir := t.root
	for i, name := range names[:len(names)-1] {
		next := dir.Child(name)
		if next == nil {
			next = t.impliedDirectory()
			t.image.Put(dir, name, next)
		}
		if !next.IsDirectory() {
			return nil, failure.New(failure.PathEscapes, "%q: %q is %s in this layer", path, strings.Join(names[:i+1], "/"), typeName(next))
		}
		dir = next
	}
	return dir, nil
}

// find gives nil where there is nothing of that name, also where it could only be reached through a symlink.
func (t *tree) find(names []string) *ext4.Node {
	node := t.root
	for _, name := range names {
		if node == nil {
			return nil
		}
		node = node.Child(name)
	}
	return node
}

// putDirectory merges with a directory that is there, as tar does.
func (t *tree) putDirectory(dir *ext4.Node, name string, attributes ext4.Attributes) {
	if there := dir.Child(name); there != nil && there.IsDirectory() {
		t.describe(there, attributes)
		return
	}
	t.image.Put(dir, name, ext4.NewNode(attributes))
}

// describe gives a directory the attributes of its own entry.
func (t *tree) describe(directory *ext4.Node, attributes ext4.Attributes) {
	directory.Attributes = attributes
	delete(t.implied, directory)
}

func (t *tree) addWhiteout(dir *ext4.Node, name string) {
	t.whiteouts[dir] = append(t.whiteouts[dir], strings.Clone(name))
}

// settled is what the tree came to.
type settled struct {
	whiteouts, opaqueDirectories int
	implied                      []string
}

// settle makes devices and xattrs of whiteouts and opaque marks, as overlayfs wants them.
func (t *tree) settle() (settled, error) {
	var result settled
	err := t.settleDirectory(t.root, ".", &result)
	sort.Strings(result.implied)
	if len(result.implied) > maxImplied {
		result.implied = result.implied[:maxImplied]
	}
	return result, err
}

func (t *tree) settleDirectory(dir *ext4.Node, path string, result *settled) error {
	for _, name := range t.whiteouts[dir] {
		there := dir.Child(name)
		switch {
		case there == nil:
			t.image.Put(dir, name, ext4.NewNode(ext4.Attributes{Mode: ext4.CharDevice}))
			result.whiteouts++
		case there.IsDirectory():
			t.opaque[there] = true
		}
	}
	if t.opaque[dir] {
		xattrs, err := dir.Xattrs.With("trusted.overlay.opaque", "y")
		if err != nil {
			return failure.New(failure.EntryUnsupported, "%q: %w", path, err)
		}
		dir.Xattrs = xattrs
		result.opaqueDirectories++
	}
	if t.implied[dir] {
		result.implied = append(result.implied, path)
	}
	for name, child := range dir.Children() {
		if !child.IsDirectory() {
			continue
		}
		below := name
		if dir != t.root {
			below = path + "/" + name
		}
		if err := t.settleDirectory(child, below, result); err != nil {
			return err
		}
	}
	return nil
}

func typeName(node *ext4.Node) string {
	switch node.Type() {
	case ext4.Directory:
		return "a directory"
	case ext4.Symlink:
		return "a symlink"
	case ext4.Regular:
		return "a file"
	case ext4.Fifo:
		return "a fifo"
	}
	return "a device"
}
