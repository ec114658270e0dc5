package rootfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

// copyUp copies what the image has into a volume that is empty, as Docker does, with owners, modes, times, attributes and links.
func copyUp(from, to string) error {
	entries, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	for _, each := range entries {
		if each.Name() != "lost+found" {
			return nil
		}
	}
	info, err := os.Stat(from)
	if err != nil || !info.IsDir() {
		return err
	}
	if err := copyInto(from, to, map[uint64]string{}); err != nil {
		return err
	}
	return copyAttributes(from, to)
}

func copyInto(from, to string, links map[uint64]string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, each := range entries {
		source, target := filepath.Join(from, each.Name()), filepath.Join(to, each.Name())
		if err := copyOne(source, target, links); err != nil {
			return fmt.Errorf("%s: %w", each.Name(), err)
		}
	}
	return nil
}

func copyOne(source, target string, links map[uint64]string) error {
	info, err := os.Lstat(source)
	if err != nil {
		return err
	}
	stat, is := info.Sys().(*syscall.Stat_t)
	if !is {
		return errors.New("no stat")
	}
	if !info.IsDir() && stat.Nlink > 1 {
		if first, has := links[stat.Ino]; has {
			return os.Link(first, target)
		}
		links[stat.Ino] = target
	}
	switch info.Mode().Type() {
	case os.ModeDir:
		if err = os.Mkdir(target, 0o700); err == nil {
			err = copyInto(source, target, links)
		}
	case os.ModeSymlink:
		var where string
		if where, err = os.Readlink(source); err == nil {
			err = os.Symlink(where, target)
		}
	case 0:
		err = copyFile(source, target)
	case os.ModeSocket:
		return nil
	default:
		err = syscall.Mknod(target, stat.Mode, int(stat.Rdev))
	}
	if err != nil {
		return err
	}
	return copyAttributes(source, target)
}

func copyFile(source, target string) error {
	r, err := os.Open(source)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		_ = w.Close()
		return err
	}
	return w.Close()
}

// copyAttributes: the owner first, for a change of it takes capabilities and set-id bits away.
func copyAttributes(source, target string) error {
	info, err := os.Lstat(source)
	if err != nil {
		return err
	}
	stat, is := info.Sys().(*syscall.Stat_t)
	if !is {
		return errors.New("no stat")
	}
	if err := os.Lchown(target, int(stat.Uid), int(stat.Gid)); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink == 0 {
		if err := syscall.Chmod(target, stat.Mode&0o7777); err != nil {
			return err
		}
	}
	if err := copyXattrs(source, target); err != nil {
		return err
	}
	return setTimes(target, [2]syscall.Timespec{stat.Atim, stat.Mtim})
}

func copyXattrs(source, target string) error {
	names, err := ListXattrs(source)
	if err != nil {
		return err
	}
	for _, name := range names {
		value, err := GetXattr(source, name)
		if err != nil {
			return err
		}
		if err := SetXattr(target, name, value); err != nil && !errors.Is(err, syscall.ENOTSUP) {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return nil
}

// SetTimes sets when a file, or a link itself, was changed.
func SetTimes(path string, at time.Time) error {
	spec := syscall.NsecToTimespec(at.UnixNano())
	return setTimes(path, [2]syscall.Timespec{spec, spec})
}

func setTimes(path string, times [2]syscall.Timespec) error {
	text, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	const atCwd, noFollow = ^uintptr(99), 0x100 // AT_FDCWD is -100
	_, _, errno := syscall.Syscall6(syscall.SYS_UTIMENSAT, atCwd, uintptr(unsafe.Pointer(text)), uintptr(unsafe.Pointer(&times)), noFollow, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
