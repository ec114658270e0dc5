package rootfs

import (
	"errors"
	"strings"
	"syscall"
	"unsafe"
)

// xattrCall calls one of the l*xattr, which do not follow a link at the end of the path.
func xattrCall(number uintptr, path, name string, buffer []byte) (int, error) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return 0, err
	}
	n, err := syscall.BytePtrFromString(name)
	if err != nil {
		return 0, err
	}
	var b unsafe.Pointer
	if len(buffer) > 0 {
		b = unsafe.Pointer(&buffer[0])
	}
	var size uintptr
	var errno syscall.Errno
	if number == syscall.SYS_LLISTXATTR {
		size, _, errno = syscall.Syscall(number, uintptr(unsafe.Pointer(p)), uintptr(b), uintptr(len(buffer)))
	} else {
		size, _, errno = syscall.Syscall6(number, uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(n)), uintptr(b), uintptr(len(buffer)), 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(size), nil
}

// ListXattrs gives the names of a file's extended attributes, without those of the overlay.
func ListXattrs(path string) ([]string, error) {
	buffer := make([]byte, 64<<10)
	size, err := xattrCall(syscall.SYS_LLISTXATTR, path, "", buffer)
	if errors.Is(err, syscall.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range strings.Split(string(buffer[:size]), "\x00") {
		if name != "" && !strings.HasPrefix(name, "trusted.overlay.") {
			names = append(names, name)
		}
	}
	return names, nil
}

// GetXattr reads one.
func GetXattr(path, name string) ([]byte, error) {
	buffer := make([]byte, 64<<10)
	size, err := xattrCall(syscall.SYS_LGETXATTR, path, name, buffer)
	if err != nil {
		return nil, err
	}
	return buffer[:size], nil
}

// SetXattr writes one.
func SetXattr(path, name string, value []byte) error {
	_, err := xattrCall(syscall.SYS_LSETXATTR, path, name, value)
	return err
}
