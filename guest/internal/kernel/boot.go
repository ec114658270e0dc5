package kernel

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

func addressOf(b *byte) uintptr { return uintptr(unsafe.Pointer(b)) }

// Mount makes the directory and mounts there.
func Mount(source, target, kind string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

// Begin mounts the pseudo file systems, and makes the root one that can be pivoted away from: the kernel's first root cannot.
func Begin() error {
	_ = os.MkdirAll("/root.real", 0o755)
	if err := syscall.Mount("/", "/root.real", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind the root: %w", err)
	}
	if err := os.Chdir("/root.real"); err != nil {
		return err
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := syscall.Chroot("."); err != nil {
		return err
	}
	_ = os.Chdir("/")
	const hardened = syscall.MS_NOSUID | syscall.MS_NOEXEC | syscall.MS_NODEV
	for _, each := range []struct {
		source, target string
		flags          uintptr
	}{
		{"proc", "/proc", hardened},
		{"sysfs", "/sys", hardened},
		{"devtmpfs", "/dev", syscall.MS_NOSUID},
		{"tmpfs", "/run", syscall.MS_NOSUID | syscall.MS_NODEV},
		{"cgroup2", "/sys/fs/cgroup", hardened},
	} {
		if err := Mount(each.source, each.target, each.source, each.flags, ""); err != nil && err != syscall.EBUSY {
			return err
		}
	}
	return nil
}

// PowerOff ends the machine. It returns only when the kernel refuses.
func PowerOff() {
	syscall.Sync()
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}

// CommandLine says whether the kernel was started with this word.
func CommandLine(word string) bool {
	text, _ := os.ReadFile("/proc/cmdline")
	for _, each := range strings.Fields(string(text)) {
		if each == word {
			return true
		}
	}
	return false
}
