package contain

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// takeTerminal makes a pseudo terminal of the container's own devpts the standard files, and sends the other side to the agent.
func takeTerminal(order Order) error {
	ptmx, err := syscall.Open("/dev/pts/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var number, unlocked int32
	if err := ioctl(ptmx, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked)); err != nil {
		return err
	}
	if err := ioctl(ptmx, syscall.TIOCGPTN, unsafe.Pointer(&number)); err != nil {
		return err
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	tty, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	if err := SetSize(ptmx, order.Rows, order.Cols); err != nil {
		return err
	}
	if err := syscall.Sendmsg(reportFD, []byte("terminal"), syscall.UnixRights(ptmx), nil, 0); err != nil {
		return err
	}
	_ = syscall.Close(ptmx)
	for fd := range 3 {
		if err := syscall.Dup3(tty, fd, 0); err != nil {
			return err
		}
	}
	_ = syscall.Close(tty)
	if err := ioctl(0, syscall.TIOCSCTTY, nil); err != nil {
		return err
	}
	if order.Join == 0 {
		file, err := os.OpenFile("/dev/console", os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_ = file.Close()
		if err := syscall.Mount(name, "/dev/console", "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	who, err := LookUpUser(order.User, nil)
	if err != nil {
		return err
	}
	return syscall.Fchown(0, int(who.uid), -1)
}

// SetSize sets a terminal's size; 0 by 0 leaves it.
func SetSize(fd int, rows, cols uint16) error {
	if rows == 0 && cols == 0 {
		return nil
	}
	size := [4]uint16{rows, cols}
	return ioctl(fd, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
