package contain

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
)

// What Docker hides, and what it lets be read only.
var (
	masked = []string{
		"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
		"/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
	}
	readOnly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

const hardened = syscall.MS_NOSUID | syscall.MS_NOEXEC | syscall.MS_NODEV

const defaultShmSize = 64 << 20

// enclose makes the container's own view: it runs as process 1 of its namespaces.
func enclose(order Order) error {
	if err := syscall.Unshare(newCgroup); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	// What the agent mounts in the root later comes through, nothing goes back.
	if err := syscall.Mount("", "/", "", syscall.MS_SLAVE|syscall.MS_REC, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	if err := pivot(order.Root); err != nil {
		return fmt.Errorf("pivot into %s: %w", order.Root, err)
	}
	if err := mountAll(order); err != nil {
		return err
	}
	if err := makeDevices(order.Privileged); err != nil {
		return err
	}
	for key, value := range order.Sysctls {
		file := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return fail(codeNotStarted, "sysctl %s: %v", key, errnoOf(err))
		}
	}
	if order.Privileged {
		return nil
	}
	return hide()
}

const newCgroup = 0x02000000 // CLONE_NEWCGROUP

// pivot leaves nothing of the old root: the new one is put on top of it, and the old one taken away from beneath.
func pivot(root string) error {
	if err := syscall.Chdir(root); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return err
	}
	return syscall.Chdir("/")
}

func mountAll(order Order) error {
	sysFlags, shm := uintptr(hardened|syscall.MS_RDONLY), order.ShmSize
	if order.Privileged {
		sysFlags = hardened
	}
	if shm == 0 {
		shm = defaultShmSize
	}
	for _, each := range []struct {
		kind, target string
		flags        uintptr
		data         string
	}{
		{"proc", "/proc", hardened, ""},
		{"tmpfs", "/dev", syscall.MS_NOSUID | syscall.MS_STRICTATIME, "mode=755,size=65536k"},
		{"devpts", "/dev/pts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"tmpfs", "/dev/shm", hardened, fmt.Sprintf("mode=1777,size=%d", shm)},
		{"mqueue", "/dev/mqueue", hardened, ""},
		{"sysfs", "/sys", sysFlags, ""},
		{"cgroup2", "/sys/fs/cgroup", sysFlags, ""},
	} {
		if strings.HasPrefix(each.target, "/dev/") {
			if err := os.Mkdir(each.target, 0o755); err != nil {
				return err
			}
		}
		if err := syscall.Mount(each.kind, each.target, each.kind, each.flags, each.data); err != nil {
			return fmt.Errorf("mount %s: %w", each.target, err)
		}
	}
	for target, options := range order.Tmpfs {
		if err := mountTmpfs(target, options); err != nil {
			return fail(codeNotStarted, "tmpfs at %s: %v", target, errnoOf(err))
		}
	}
	return nil
}

func mountTmpfs(target, options string) error {
	flags, data := uintptr(hardened), []string{}
	for each := range strings.SplitSeq(options, ",") {
		switch each {
		case "", "rw":
		case "ro":
			flags |= syscall.MS_RDONLY
		case "exec":
			flags &^= syscall.MS_NOEXEC
		case "suid":
			flags &^= syscall.MS_NOSUID
		case "dev":
			flags &^= syscall.MS_NODEV
		case "noexec", "nosuid", "nodev":
		default:
			data = append(data, each)
		}
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return syscall.Mount("tmpfs", target, "tmpfs", flags, strings.Join(data, ","))
}

var devices = []struct {
	name         string
	major, minor int
}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}

func makeDevices(privileged bool) error {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for _, each := range devices {
		if err := syscall.Mknod("/dev/"+each.name, syscall.S_IFCHR|0o666, each.major<<8|each.minor); err != nil {
			return fmt.Errorf("/dev/%s: %w", each.name, err)
		}
	}
	if privileged {
		makeDisks()
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
		"core": "/proc/kcore",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// makeDisks: what a privileged container sees of the machine's.
func makeDisks() {
	entries, _ := os.ReadDir("/sys/class/block")
	for _, each := range entries {
		text, _ := os.ReadFile("/sys/class/block/" + each.Name() + "/dev")
		var major, minor int
		if _, err := fmt.Sscanf(string(text), "%d:%d", &major, &minor); err == nil {
			_ = syscall.Mknod("/dev/"+each.Name(), syscall.S_IFBLK|0o660, major<<8|minor)
		}
	}
}

func hide() error {
	for _, each := range readOnly {
		if err := syscall.Mount(each, each, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			if errors.Is(err, syscall.ENOENT) {
				continue
			}
			return fmt.Errorf("bind %s: %w", each, err)
		}
		if err := syscall.Mount("", each, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY|hardened, ""); err != nil {
			return fmt.Errorf("read-only %s: %w", each, err)
		}
	}
	for _, each := range masked {
		info, err := os.Lstat(each)
		if err != nil {
			continue
		}
		if info.IsDir() {
			err = syscall.Mount("tmpfs", each, "tmpfs", syscall.MS_RDONLY, "size=0k")
		} else {
			err = syscall.Mount("/dev/null", each, "", syscall.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", path.Clean(each), err)
		}
	}
	return nil
}
