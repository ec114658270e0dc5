package main

import (
	"fmt"
	"io"
	"sort"
	"strings"
)

// entry is one file of an initramfs. Owner and times are always 0, so that the same files give the same bytes.
type entry struct {
	mode    uint32 // as of stat(2), with its type
	content []byte // of a link: where it leads
	major   uint32
	minor   uint32
}

const (
	modeDirectory = 0o040000
	modeFile      = 0o100000
	modeLink      = 0o120000
	modeCharacter = 0o020000
)

// archive is what an initramfs holds, by path without a leading slash.
type archive map[string]entry

// add puts a file in, with the directories above it.
func (a archive) add(path string, e entry) {
	for at := range path {
		if path[at] == '/' {
			if _, has := a[path[:at]]; !has {
				a[path[:at]] = entry{mode: modeDirectory | 0o755}
			}
		}
	}
	a[path] = e
}

// writeTo writes it in the "newc" layout (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), sorted by path.
func (a archive) writeTo(w io.Writer) error {
	paths := make([]string, 0, len(a))
	for path := range a {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for number, path := range paths {
		if err := writeEntry(w, uint32(number+1), path, a[path]); err != nil {
			return err
		}
	}
	return writeEntry(w, 0, "TRAILER!!!", entry{})
}

func writeEntry(w io.Writer, inode uint32, path string, e entry) error {
	links := 1
	if e.mode&0o170000 == modeDirectory {
		links = 2
	}
	head := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		inode, e.mode, 0, 0, links, 0, len(e.content), 0, 0, e.major, e.minor, len(path)+1, 0, path)
	for _, part := range []string{pad(head), pad(string(e.content))} {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return nil
}

func pad(text string) string { return text + strings.Repeat("\x00", -len(text)&3) }
