package rootfs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Change is one of a container's files; Kind is Docker's: 0 changed, 1 added, 2 deleted.
type Change struct {
	Path string `json:"path"`
	Kind int    `json:"kind"`
}

// Kinds of changes.
const (
	Changed = 0
	Added   = 1
	Deleted = 2
)

// Changes gives what the container has changed of its image, from the overlay's upper directory.
func (t *Tree) Changes() ([]Change, error) {
	changes := []Change{}
	upper := scratch + "/upper"
	err := filepath.WalkDir(upper, func(file string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // it went away meanwhile
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, upper)
		if name == "" {
			return nil
		}
		kind := Added
		switch {
		case isWhiteout(entry):
			kind = Deleted
		case t.isBelow(name):
			kind = Changed
		}
		changes = append(changes, Change{name, kind})
		return nil
	})
	return changes, err
}

func isWhiteout(entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeCharDevice == 0 {
		return false
	}
	info, err := entry.Info()
	if err != nil {
		return false
	}
	stat, is := info.Sys().(*syscall.Stat_t)
	return is && stat.Rdev == 0
}

// isBelow says whether the image has this path: the highest layer that says anything of it, or of a directory above it, decides.
func (t *Tree) isBelow(name string) bool {
	for _, layer := range append([]string{scratch + "/points"}, t.lowers...) {
		info, err := os.Lstat(layer + name)
		if err == nil {
			return !isWhiteout(fs.FileInfoToDirEntry(info))
		}
		if hides(layer, name) {
			return false
		}
	}
	return false
}

// hides: a directory above it was deleted, replaced or made opaque in this layer.
func hides(layer, name string) bool {
	for above := path.Dir(name); above != "/"; above = path.Dir(above) {
		info, err := os.Lstat(layer + above)
		if err != nil {
			continue
		}
		if !info.IsDir() {
			return true
		}
		value, err := GetXattr(layer+above, "trusted.overlay.opaque")
		return err == nil && string(value) == "y"
	}
	return false
}
