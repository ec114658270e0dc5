package tarstream

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"stowage/guest/internal/rootfs"
)

const paxXattr = "SCHILY.xattr."

// reading is one tar that is written.
type reading struct {
	out   *tar.Writer
	links map[[2]uint64]string // names by device and inode
}

// locate gives the path itself: a link at its end is followed only with a slash or a dot behind it, as Docker does.
func locate(name string) string {
	clean := path.Clean("/" + name)
	if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.") {
		if where, err := filepath.EvalSymlinks(clean); err == nil {
			return where
		}
	}
	return clean
}

func readPath(name string, out io.Writer) error {
	if strings.HasSuffix(name, "/") {
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			return &os.PathError{Op: "read", Path: name, Err: syscall.ENOTDIR}
		}
	}
	from := locate(name)
	base := path.Base(path.Clean("/" + name))
	if base == "/" {
		base = "."
	}
	r := &reading{out: tar.NewWriter(out), links: map[[2]uint64]string{}}
	if err := r.walk(from, base); err != nil {
		return err
	}
	return r.out.Close()
}

// exportAll writes all that is below the root, without an entry for itself.
func exportAll(out io.Writer) error {
	r := &reading{out: tar.NewWriter(out), links: map[[2]uint64]string{}}
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, each := range entries {
		if err := r.walk("/"+each.Name(), each.Name()); err != nil {
			return err
		}
	}
	return r.out.Close()
}

func (r *reading) walk(from, name string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSocket != 0 {
		return nil // a tar has none
	}
	if err := r.put(from, name, info); err != nil {
		return err
	}
	if !info.IsDir() {
		return nil
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, each := range entries {
		err := r.walk(path.Join(from, each.Name()), path.Join(name, each.Name()))
		// What a process takes away meanwhile is not there.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (r *reading) put(from, name string, info os.FileInfo) error {
	target := ""
	if info.Mode()&os.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(from); err != nil {
			return err
		}
	}
	head, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	head.Name, head.Uname, head.Gname = name, "", ""
	head.Format = tar.FormatPAX
	head.AccessTime, head.ChangeTime = time.Time{}, time.Time{}
	if info.IsDir() {
		head.Name += "/"
	}
	if stat, is := info.Sys().(*syscall.Stat_t); is && !info.IsDir() && stat.Nlink > 1 {
		key := [2]uint64{stat.Dev, stat.Ino}
		if first, has := r.links[key]; has {
			head.Typeflag, head.Linkname, head.Size = tar.TypeLink, first, 0
		} else {
			r.links[key] = name
		}
	}
	if err := addXattrs(head, from); err != nil {
		return err
	}
	if head.Typeflag != tar.TypeReg {
		return r.out.WriteHeader(head)
	}
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := r.out.WriteHeader(head); err != nil {
		return err
	}
	// A file that shrinks meanwhile is filled up with zeros, one that grows is cut: its size has been said.
	written, err := io.Copy(r.out, io.LimitReader(file, head.Size))
	if err == nil && written < head.Size {
		_, err = io.CopyN(r.out, zeros{}, head.Size-written)
	}
	return err
}

type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

func addXattrs(head *tar.Header, from string) error {
	names, err := rootfs.ListXattrs(from)
	if err != nil {
		return err
	}
	for _, each := range names {
		if !strings.HasPrefix(each, "user.") && each != "security.capability" {
			continue
		}
		value, err := rootfs.GetXattr(from, each)
		if err != nil {
			continue
		}
		if head.PAXRecords == nil {
			head.PAXRecords = map[string]string{}
		}
		head.PAXRecords[paxXattr+each] = string(value)
	}
	return nil
}

func statPath(name string) (Info, error) {
	from := locate(name)
	info, err := os.Lstat(from)
	if err != nil {
		return Info{}, err
	}
	if strings.HasSuffix(name, "/") && !info.IsDir() {
		return Info{}, &os.PathError{Op: "stat", Path: name, Err: syscall.ENOTDIR}
	}
	found := Info{Name: path.Base(path.Clean("/" + name)), Size: info.Size(), Mode: uint32(info.Mode()), MTime: info.ModTime().Format(time.RFC3339Nano)}
	if info.Mode()&os.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(from); err == nil {
			found.LinkTarget = target
		} else if target, err := os.Readlink(from); err == nil {
			found.LinkTarget = target
		}
	}
	return found, nil
}
