package layer

import (
	"archive/tar"
	"sort"
	"strconv"
	"strings"

	"stowage/registry/layerdisk/internal/ext4"
	"stowage/registry/layerdisk/internal/failure"
)

const (
	xattrRecord = "SCHILY.xattr."
	// Overlayfs keeps its own marks there. A layer says what it means by whiteouts; its marks are those of another stack.
	overlayXattrs = "trusted.overlay."
	permissions   = 0o7777
	maxID         = 1<<32 - 2
)

var types = map[byte]uint16{
	tar.TypeReg:       ext4.Regular,
	tar.TypeCont:      ext4.Regular,
	tar.TypeGNUSparse: ext4.Regular,
	tar.TypeDir:       ext4.Directory,
	tar.TypeSymlink:   ext4.Symlink,
	tar.TypeChar:      ext4.CharDevice,
	tar.TypeBlock:     ext4.BlockDevice,
	tar.TypeFifo:      ext4.Fifo,
}

// attributes translates a header, for all but content and hard links.
func (c *converter) attributes(header *tar.Header) (ext4.Attributes, error) {
	none := ext4.Attributes{}
	kind, ok := types[header.Typeflag]
	if !ok {
		return none, unsupported(header, "there is no place in a layer for an entry of type %q", header.Typeflag)
	}
	if header.Uid < 0 || header.Uid > maxID || header.Gid < 0 || header.Gid > maxID {
		return none, unsupported(header, "the owner %d:%d has more than 32 bits", header.Uid, header.Gid)
	}
	a := ext4.Attributes{
		Mode:     kind | uint16(header.Mode&permissions),
		UID:      uint32(header.Uid),
		GID:      uint32(header.Gid),
		Modified: ext4.Time{Seconds: header.ModTime.Unix(), Nanoseconds: uint32(header.ModTime.Nanosecond())},
	}
	switch kind {
	case ext4.Regular:
		if header.Size > ext4.MaxFileBytes {
			return none, unsupported(header, "the file has %d bytes, and ext4 has room for %d", header.Size, int64(ext4.MaxFileBytes))
		}
	case ext4.Symlink:
		a.Mode |= 0o777
		a.Target = header.Linkname
		if n := len(a.Target); n == 0 || n > ext4.MaxTargetBytes {
			return none, unsupported(header, "a symlink's target has 1 to %d bytes, and this has %d", ext4.MaxTargetBytes, n)
		}
	case ext4.CharDevice, ext4.BlockDevice:
		if a.Device, ok = ext4.DeviceNumber(header.Devmajor, header.Devminor); !ok {
			return none, unsupported(header, "Linux has no device %d:%d", header.Devmajor, header.Devminor)
		}
	}
	var err error
	a.Xattrs, err = c.xattrs(header)
	return a, err
}

// xattrs gives files with the same attributes the same set. Linux refuses names of other namespaces, and engines pass over that.
func (c *converter) xattrs(header *tar.Header) (*ext4.Xattrs, error) {
	values := make(map[string]string)
	var names []string
	for record, value := range header.PAXRecords {
		name, ok := strings.CutPrefix(record, xattrRecord)
		if ok && ext4.IsXattrName(name) && !strings.HasPrefix(name, overlayXattrs) {
			values[name] = value
			names = append(names, name)
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	sort.Strings(names)
	var key strings.Builder
	for _, name := range names {
		// Names have no zero byte, values may: their length comes first.
		key.WriteString(name + "\x00" + strconv.Itoa(len(values[name])) + "\x00" + values[name])
	}
	if set, ok := c.xattrSets[key.String()]; ok {
		return set, nil
	}
	set, err := ext4.NewXattrs(values)
	if err != nil {
		return nil, unsupported(header, "%w", err)
	}
	c.xattrSets[key.String()] = set
	return set, nil
}

func unsupported(header *tar.Header, format string, args ...any) error {
	return failure.New(failure.EntryUnsupported, "%q: "+format, append([]any{header.Name}, args...)...)
}
