package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"unsafe"
)

const (
	sysOpenat2    = 437
	resolveInRoot = 0x10 // RESOLVE_IN_ROOT: .. and absolute links stay within
	openPath      = 0x200000
)

// openIn opens a path as a process whose root this is would, and for no access (O_PATH) unless flags say so.
func openIn(root, name string, flags uint64) (*os.File, error) {
	directory, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	text, err := syscall.BytePtrFromString(strings.TrimPrefix(path.Clean("/"+name), "/"))
	if err != nil {
		return nil, err
	}
	if *text == 0 {
		text, _ = syscall.BytePtrFromString(".")
	}
	how := [3]uint64{flags | syscall.O_CLOEXEC, 0, resolveInRoot}
	for {
		fd, _, errno := syscall.Syscall6(sysOpenat2, directory.Fd(), uintptr(unsafe.Pointer(text)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
		switch errno {
		case 0:
			return os.NewFile(fd, name), nil
		case syscall.EINTR, syscall.EAGAIN:
		default:
			return nil, &os.PathError{Op: "open", Path: name, Err: errno}
		}
	}
}

// Resolve gives where a path of the container leads, as a path of ours.
func Resolve(root, name string) (string, error) {
	file, err := openIn(root, name, openPath)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
}

// place makes a mount point, a directory or a file, and gives it as a path of ours. Links on the way are followed within the root.
func place(root, name string, isDirectory bool) (string, error) {
	name = path.Clean("/" + name)
	if found, err := Resolve(root, name); err == nil {
		return found, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if name == "/" {
		return root, nil
	}
	parent, err := place(root, path.Dir(name), true)
	if err != nil {
		return "", err
	}
	target := path.Join(parent, path.Base(name))
	if isDirectory {
		err = os.Mkdir(target, 0o755)
	} else {
		var file *os.File
		if file, err = os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW, 0o644); err == nil {
			err = file.Close()
		}
	}
	if errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("%s is a link that leads nowhere", name)
	}
	return target, err
}
