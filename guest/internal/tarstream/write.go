package tarstream

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"stowage/guest/internal/contain"
	"stowage/guest/internal/rootfs"
)

// unpacking is one tar that is read.
type unpacking struct {
	into   Into
	to     string
	uid    int // -1: as the tar says
	gid    int
	madeAt map[string]time.Time // directories, whose times are set when all is in them
}

func unpack(into Into, from io.Reader) error {
	to := path.Clean("/" + into.Path)
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &os.PathError{Op: "unpack", Path: to, Err: syscall.ENOTDIR}
	}
	u := &unpacking{into: into, to: to, uid: -1, gid: -1, madeAt: map[string]time.Time{}}
	if into.User != "" {
		if u.uid, u.gid, err = contain.IDsOf(into.User); err != nil {
			return &Failure{Kind: "invalid", Message: err.Error()}
		}
	}
	archive := tar.NewReader(from)
	for {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &Failure{Kind: "invalid", Message: "tar: " + err.Error()}
		}
		if err := u.take(head, archive); err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
	}
	for directory, at := range u.madeAt {
		_ = os.Chtimes(directory, at, at)
	}
	_, err = io.Copy(io.Discard, from)
	return err
}

func (u *unpacking) take(head *tar.Header, content io.Reader) error {
	switch head.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo, tar.TypeGNUSparse:
	default:
		return &Failure{Kind: "invalid", Message: fmt.Sprintf("tar: %s is of an unknown type %q", head.Name, head.Typeflag)}
	}
	target := path.Join(u.to, path.Clean("/"+head.Name))
	if err := os.MkdirAll(path.Dir(target), 0o755); err != nil {
		return err
	}
	isThere, err := u.makeRoom(target, head)
	if err != nil {
		return err
	}
	if !isThere {
		if err := u.make(target, head, content); err != nil {
			return err
		}
	}
	if head.Typeflag == tar.TypeLink {
		return nil // its attributes are those of what it is a link to
	}
	return u.dress(target, head)
}

// makeRoom takes away what is in the way; a directory stays where one comes.
func (u *unpacking) makeRoom(target string, head *tar.Header) (isThere bool, err error) {
	info, err := os.Lstat(target)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	wantsDirectory := head.Typeflag == tar.TypeDir
	if info.IsDir() && wantsDirectory {
		return true, nil
	}
	if wantsDirectory && info.Mode()&os.ModeSymlink != 0 {
		if led, err := os.Stat(target); err == nil && led.IsDir() && path.Clean("/"+head.Name) == "/" {
			return true, nil
		}
	}
	if info.IsDir() && u.into.NoOverwriteDirNonDir {
		return false, &Failure{Kind: "invalid", Message: fmt.Sprintf("cannot overwrite directory %q with non-directory %q", target, u.to)}
	}
	if !info.IsDir() && wantsDirectory && u.into.NoOverwriteDirNonDir {
		return false, &Failure{Kind: "invalid", Message: fmt.Sprintf("cannot overwrite non-directory %q with directory %q", target, u.to)}
	}
	if target == "/" {
		return true, nil
	}
	return false, os.RemoveAll(target)
}

func (u *unpacking) make(target string, head *tar.Header, content io.Reader) error {
	number := int(head.Devmajor&0xfff)<<8 | int(head.Devminor&0xff) | int(head.Devminor&^0xff)<<12
	switch head.Typeflag {
	case tar.TypeDir:
		return os.Mkdir(target, 0o700)
	case tar.TypeSymlink:
		return os.Symlink(head.Linkname, target)
	case tar.TypeLink:
		return os.Link(path.Join(u.to, path.Clean("/"+head.Linkname)), target)
	case tar.TypeChar:
		return syscall.Mknod(target, syscall.S_IFCHR|0o600, number)
	case tar.TypeBlock:
		return syscall.Mknod(target, syscall.S_IFBLK|0o600, number)
	case tar.TypeFifo:
		return syscall.Mkfifo(target, 0o600)
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if err := copySparse(file, content, head.Size); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

const hole = 64 << 10

// copySparse leaves runs of zeros out, as holes.
func copySparse(to *os.File, from io.Reader, size int64) error {
	buffer := make([]byte, hole)
	for done := int64(0); done < size; {
		want := min(hole, size-done)
		if _, err := io.ReadFull(from, buffer[:want]); err != nil {
			return err
		}
		if want < hole || !allZero(buffer) {
			if _, err := to.WriteAt(buffer[:want], done); err != nil {
				return err
			}
		}
		done += want
	}
	return to.Truncate(size)
}

func allZero(b []byte) bool {
	for _, each := range b {
		if each != 0 {
			return false
		}
	}
	return true
}

// dress: the owner before the mode and the attributes, which a change of it takes away.
func (u *unpacking) dress(target string, head *tar.Header) error {
	uid, gid := head.Uid, head.Gid
	if u.uid >= 0 {
		uid, gid = u.uid, u.gid
	}
	if err := os.Lchown(target, uid, gid); err != nil {
		return err
	}
	for key, value := range head.PAXRecords {
		name, is := strings.CutPrefix(key, paxXattr)
		if !is || strings.HasPrefix(name, "trusted.") {
			continue
		}
		if err := rootfs.SetXattr(target, name, []byte(value)); err != nil && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.EPERM) {
			return err
		}
	}
	at := head.ModTime
	if head.Typeflag == tar.TypeSymlink {
		return rootfs.SetTimes(target, at)
	}
	if err := syscall.Chmod(target, uint32(head.Mode)&0o7777); err != nil {
		return err
	}
	if head.Typeflag == tar.TypeDir {
		u.madeAt[target] = at
		return nil
	}
	return rootfs.SetTimes(target, at)
}
