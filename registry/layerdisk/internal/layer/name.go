package layer

import (
	"strings"

	"stowage/registry/layerdisk/internal/ext4"
	"stowage/registry/layerdisk/internal/failure"
)

const (
	whiteoutPrefix = ".wh."
	// What AUFS kept for itself; of these only the opaque mark means anything to others.
	whiteoutMetaPrefix = ".wh..wh."
	opaqueMark         = ".wh..wh..opq"
	// Linux opens no longer path.
	maxPathBytes = 4095
)

// split gives the names of an entry's path, none for the root of the layer.
func split(path string) ([]string, error) {
	names, err := components(path)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(path, "/") && len(names) > 0 {
		return nil, failure.New(failure.PathEscapes, "%q: the name is absolute", path)
	}
	for i, name := range names {
		isLast := i == len(names)-1
		if !isLast && strings.HasPrefix(name, whiteoutPrefix) && !strings.HasPrefix(name, whiteoutMetaPrefix) {
			return nil, failure.New(failure.EntryUnsupported, "%q: %q is a whiteout, which has nothing below it", path, name)
		}
	}
	return names, nil
}

func components(path string) ([]string, error) {
	if path == "" {
		return nil, failure.New(failure.EntryUnsupported, "an entry has no name")
	}
	if len(path) > maxPathBytes {
		return nil, failure.New(failure.EntryUnsupported, "%.60q…: the name has %d bytes, over %d", path, len(path), maxPathBytes)
	}
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "" || name == ".":
			continue
		case name == "..":
			return nil, failure.New(failure.PathEscapes, "%q: the name has a .. in it", path)
		case len(name) > ext4.MaxNameBytes:
			return nil, failure.New(failure.EntryUnsupported, "%.60q…: a part of the name has %d bytes, over %d", path, len(name), ext4.MaxNameBytes)
		}
		names = append(names, name)
	}
	return names, nil
}

// isMeta tells whether the entry is AUFS's own, or below something that is.
func isMeta(names []string) bool {
	for _, name := range names {
		if strings.HasPrefix(name, whiteoutMetaPrefix) {
			return true
		}
	}
	return false
}
