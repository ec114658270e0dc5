package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"stowage/guest/internal/kernel"
	"stowage/guest/rpci"
)

// Names of virtio-serial ports in the lab.
const (
	hostPort = "stowage.rpc"
	linkPort = "stowage.link"
	// serialPort is the link's on ESXi.
	serialPort = "/dev/ttyS0"
	// portsWithin is how long the lab's ports may take to appear, once their module is there.
	portsWithin = 2 * time.Second
)

// virtioPort gives the device of a port, waiting for its name: that comes by itself some time after the device.
func virtioPort(name string) string {
	if !kernel.HasPorts() {
		return ""
	}
	for deadline := time.Now().Add(portsWithin); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		files, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
		for _, each := range files {
			text, _ := os.ReadFile(each)
			device := "/dev/" + filepath.Base(filepath.Dir(each))
			if _, err := os.Stat(device); err == nil && strings.TrimSpace(string(text)) == name {
				return device
			}
		}
	}
	return ""
}

// openHost finds the way to the machine's guestinfo.
func openHost() (*rpci.Client, error) {
	if device := virtioPort(hostPort); device != "" {
		file, err := os.OpenFile(device, os.O_RDWR|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		return rpci.New(rpci.NewPort(file)), nil
	}
	backdoor, err := rpci.NewBackdoor()
	if err != nil {
		return nil, fmt.Errorf("neither a port %s nor VMware's: %w", hostPort, err)
	}
	return rpci.New(backdoor), nil
}

// openLine gives a way to open the gateway's line: again when it broke.
func openLine() func() (io.ReadWriteCloser, error) {
	if device := virtioPort(linkPort); device != "" {
		return func() (io.ReadWriteCloser, error) {
			file, err := os.OpenFile(device, os.O_RDWR|syscall.O_NONBLOCK, 0)
			if err != nil {
				return nil, err
			}
			return &virtioLine{file: file}, nil
		}
	}
	return func() (io.ReadWriteCloser, error) {
		file, err := os.OpenFile(serialPort, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		if err := makeRaw(file); err != nil {
			_ = file.Close()
			return nil, err
		}
		return file, nil
	}
}

// virtioLine: while nobody is at the host's end of a port, reading it gives its end at once.
type virtioLine struct{ file *os.File }

const absentFor = 20 * time.Millisecond

func (l *virtioLine) Read(into []byte) (int, error) {
	for {
		size, err := l.file.Read(into)
		if size > 0 || !errors.Is(err, io.EOF) {
			return size, err
		}
		time.Sleep(absentFor)
	}
}

func (l *virtioLine) Write(from []byte) (int, error) { return l.file.Write(from) }
func (l *virtioLine) Close() error                   { return l.file.Close() }

// makeRaw has a serial port pass every byte as it is, at the highest speed of a 16550.
func makeRaw(file *os.File) error {
	var t syscall.Termios
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&t))); errno != 0 {
		return os.NewSyscallError("tcgets", errno)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = syscall.CS8 | syscall.CREAD | syscall.CLOCAL | syscall.B115200
	t.Cc[syscall.VMIN], t.Cc[syscall.VTIME] = 1, 0
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TCSETS, uintptr(unsafe.Pointer(&t))); errno != 0 {
		return os.NewSyscallError("tcsets", errno)
	}
	return syscall.SetNonblock(int(file.Fd()), true)
}
